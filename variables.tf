variable "create" {
  type        = bool
  nullable    = false
  default     = true
  description = "Whether to create anything at all."
}

variable "name" {
  type        = string
  nullable    = false
  description = "Name of this instance, 3 to 24 lower-case letters, digits and hyphens; everything it creates is named after it."

  validation {
    # The longest name derived from it is the artifacts bucket's, of which S3 allows 63 characters:
    # <name>-artifacts-<12 digits>-<region of up to 14 characters>
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 24 lower-case letters, digits and hyphens, start with a letter and not end with a hyphen: names of at most 63 characters are derived from it."
  }

  validation {
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    condition     = !can(regex("^(xn--|sthree-|amzn-s3-demo-)", var.name))
    error_message = "name must not start with xn--, sthree- or amzn-s3-demo-: S3 keeps these for itself."
  }
}

variable "global_suffix" {
  type        = string
  nullable    = false
  default     = ""
  description = <<-EOT
    What is appended to the names that an account has only once over all regions: those of the roles and of the dashboard.
    Needed where another instance of the same name runs in another region of the account, for example `-eu-west-1`.
  EOT

  validation {
    # A role's name has 64 characters, and the longest that is derived from the name without it has 36:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    condition     = can(regex("^(-[a-z0-9-]{0,26}[a-z0-9])?$", var.global_suffix))
    error_message = "global_suffix must be empty or a hyphen and up to 27 lower-case letters, digits and hyphens, not ending with a hyphen, for example -eu-west-1."
  }
}

variable "account_id" {
  type        = string
  default     = null
  description = <<-EOT
    The account's 12 digits, for the default names of buckets; default whatever the provider says. Giving it and `region`
    makes these names known while planning, also where the module has a `depends_on`.
  EOT

  validation {
    condition     = can(regex("^[0-9]{12}$", coalesce(var.account_id, "000000000000")))
    error_message = "account_id must be the 12 digits of the account, as a text."
  }
}

variable "region" {
  type        = string
  default     = null
  description = "The region that the provider acts in, for the default names of buckets and links; default whatever the provider says."

  validation {
    condition     = can(regex("^[a-z]{2,4}(-[a-z]+)+-[0-9]$", coalesce(var.region, "eu-central-1")))
    error_message = "region must be the name of a region, for example eu-central-1."
  }
}

variable "create_database" {
  type        = bool
  nullable    = false
  default     = true
  description = "Whether to create the Glue database; if not, `database_name` names an existing one."
}

variable "database_name" {
  type        = string
  default     = null
  description = "Name of the Glue database, lower-case letters, digits and underscores; default `name` with underscores for hyphens."

  validation {
    condition     = can(regex("^[a-z0-9_]{1,128}$", coalesce(var.database_name, "x")))
    error_message = "database_name must be 1 to 128 lower-case letters, digits and underscores."
  }

  validation {
    condition     = var.create_database || var.database_name != null
    error_message = "database_name must name the existing database when create_database is false."
  }
}

variable "buckets" {
  type = object({
    raw       = optional(object({ create = optional(bool, true), name = optional(string), versioning = optional(bool, false) }), {})
    lake      = optional(object({ create = optional(bool, true), name = optional(string), versioning = optional(bool, false) }), {})
    artifacts = optional(object({ create = optional(bool, true), name = optional(string), versioning = optional(bool, false), prefix = optional(string) }), {})
  })
  nullable    = false
  default     = {}
  description = <<-EOT
    The buckets of CSV files (`raw`), tables (`lake`), and scripts and contracts (`artifacts`). Each has
    - `create`: whether to create it, default true; if not, `name` names an existing one, of which nothing is changed. To
      change it for a bucket with data in it see docs/upgrading.md;
    - `name`: default `<name of the instance>-<raw|lake|artifacts>-<account>-<region>`;
    - `versioning`: whether a created bucket keeps old versions, default false;
    - `prefix` (artifacts only): folder for scripts and contracts; default none in a created bucket and the instance's
      name in an existing one.

    An existing lake bucket must not serve two instances that have a dataset of the same name.
  EOT

  validation {
    condition     = alltrue([for bucket in var.buckets : bucket.create || bucket.name != null])
    error_message = "buckets: name must name the existing bucket when create is false."
  }

  validation {
    condition = alltrue([
      for bucket in var.buckets : can(regex(local.bucket_name, coalesce(bucket.name, "xxx")))
    ])
    error_message = "buckets: a bucket name has 3 to 63 lower-case letters, digits, dots and hyphens; give the name only, without s3:// and without a folder."
  }

  validation {
    condition     = alltrue([for bucket in var.buckets : !can(regex(local.no_bucket_name, coalesce(bucket.name, "xxx")))])
    error_message = "buckets: a bucket name must not hold two dots in a row, look like an IP address, start with xn--, sthree- or amzn-s3-demo-, or end with -s3alias, --ol-s3, .mrap, --x-s3 or --table-s3: S3 refuses these."
  }

  validation {
    condition = length(distinct(compact([for bucket in var.buckets : bucket.create ? bucket.name : null]))) == length(
      compact([for bucket in var.buckets : bucket.create ? bucket.name : null])
    )
    error_message = "buckets: two buckets that are created must not have the same name."
  }

  validation {
    condition     = can(regex("^([A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*/?)?$", coalesce(var.buckets.artifacts.prefix, "x")))
    error_message = "buckets: artifacts.prefix must be a folder such as lakes/sales/: letters, digits and - _ . = between single slashes, no slash in front."
  }

  validation {
    # Datasets without a bucket in common with the lake cannot touch its folders.
    condition = var.buckets.raw.name == null || var.buckets.lake.name == null || var.buckets.raw.name != var.buckets.lake.name || alltrue(flatten([
      for name, dataset in var.datasets : [
        for folder in concat(local.lake_folders, ["athena-results/"]) :
        !startswith("${trimsuffix(coalesce(dataset.prefix, name), "/")}/", folder)
      ]
    ]))
    error_message = "When raw and lake are one bucket, no dataset's prefix may lie in tables/, quarantine/, manifests/, reports/ or athena-results/: the job's own files would be taken for CSV."
  }

  validation {
    condition = var.buckets.raw.name == null || var.buckets.artifacts.name == null || var.buckets.raw.name != var.buckets.artifacts.name || alltrue(flatten([
      for name, dataset in var.datasets : [
        for folder in ["scripts/", "contracts/"] : !startswith(
          "${trimprefix("${trimsuffix(coalesce(var.buckets.artifacts.prefix, var.name), "/")}/", "/")}${folder}",
          "${trimsuffix(coalesce(dataset.prefix, name), "/")}/"
        )
      ]
    ]))
    error_message = "When raw and artifacts are one bucket, no dataset's prefix may hold the scripts and contracts: give artifacts.prefix a folder of its own."
  }
}

variable "require_tls" {
  type        = bool
  nullable    = false
  default     = true
  description = <<-EOT
    Whether the buckets created here refuse requests without TLS. Only an endpoint that speaks plain HTTP needs false; the
    buckets then have no policy, and none that keeps them from being destroyed.
  EOT
}

variable "lifecycle_rules" {
  type = object({
    enabled                 = optional(bool, true)
    unfinished_upload_days  = optional(number, 7)
    athena_results_days     = optional(number, 7)
    noncurrent_version_days = optional(number, 30)
  })
  nullable    = false
  default     = {}
  description = <<-EOT
    What is removed by itself from the buckets created here, after so many days (whole numbers from 1).
    - `enabled`: whether there are rules at all, default true.
    - `unfinished_upload_days`: parts of uploads that were never completed, default 7.
    - `athena_results_days`: results of queries in the lake bucket, default 7.
    - `noncurrent_version_days`: old versions in a versioned bucket, default 30.
  EOT

  validation {
    condition = alltrue([
      for days in [
        var.lifecycle_rules.unfinished_upload_days, var.lifecycle_rules.athena_results_days,
        var.lifecycle_rules.noncurrent_version_days,
      ] : days >= 1 && floor(days) == days
    ])
    error_message = "lifecycle_rules: days must be whole numbers from 1."
  }
}

variable "access_logs" {
  type = object({
    enabled = optional(bool, false)
    bucket  = optional(string)
    prefix  = optional(string, "")
  })
  nullable    = false
  default     = {}
  description = <<-EOT
    Server access logs of the buckets created here.
    - `enabled`: whether requests are logged, default false.
    - `bucket`: the existing bucket that takes the logs.
    - `prefix`: folder of the logs, default none; each bucket's name is added.
  EOT

  validation {
    condition     = !var.access_logs.enabled || var.access_logs.bucket != null
    error_message = "access_logs: bucket must name the bucket that takes the logs when enabled is true."
  }

  validation {
    condition     = var.access_logs.enabled || var.access_logs.bucket == null
    error_message = "access_logs: bucket without enabled = true logs nothing: turn the logs on, or leave the bucket out."
  }

  validation {
    condition = can(regex(local.bucket_name, coalesce(var.access_logs.bucket, "xxx"))) && !can(
      regex(local.no_bucket_name, coalesce(var.access_logs.bucket, "xxx"))
    )
    error_message = "access_logs: bucket must be the name of a bucket only, 3 to 63 lower-case letters, digits, dots and hyphens, without s3:// and without a folder (that is prefix)."
  }
}

variable "kms_key_arn" {
  type        = string
  default     = null
  description = <<-EOT
    KMS key that encrypts buckets, query results, log groups and the notification topic; default null, the services' own
    keys. The key's policy must let the log service and, with notifications, EventBridge and CloudWatch use it: see
    docs/security.md.
  EOT

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", coalesce(var.kms_key_arn, "arn:aws:kms:x:000000000000:key/x")))
    error_message = "kms_key_arn must be the ARN of a key, arn:<partition>:kms:<region>:<account>:key/<id>: policies know no aliases."
  }
}

variable "kms_keys" {
  type = object({
    catalog        = optional(string)
    read           = optional(list(string), [])
    state_machines = optional(string)
  })
  nullable    = false
  default     = {}
  description = <<-EOT
    Further KMS keys that the roles may use, for which the keys' policies have to let IAM decide.
    - `catalog`: ARN of the key that encrypts the Data Catalog, if it is a customer managed one; default none.
    - `read`: ARNs of keys to decrypt objects with beside `kms_key_arn`, such as the key of a brought raw bucket or the
      one that `kms_key_arn` was before: what is stored stays under the key it was written with; default none.
    - `state_machines`: ARN of the key that encrypts definitions, inputs, outputs and histories of the state machines;
      default none, the key of Step Functions itself. Whoever starts or looks at executions needs it too: docs/security.md.
  EOT

  validation {
    condition = alltrue([
      for key in concat(var.kms_keys.read, compact([var.kms_keys.catalog, var.kms_keys.state_machines])) :
      can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", key))
    ])
    error_message = "kms_keys must hold the ARNs of keys, arn:<partition>:kms:<region>:<account>:key/<id>: policies know no aliases."
  }
}

variable "iam" {
  type = object({
    path                 = optional(string, "/")
    permissions_boundary = optional(string)
    job                  = optional(object({ create = optional(bool, true), role_arn = optional(string), policies = optional(list(string), []) }), {})
    crawler              = optional(object({ create = optional(bool, true), role_arn = optional(string), policies = optional(list(string), []) }), {})
    workflow             = optional(object({ create = optional(bool, true), role_arn = optional(string), policies = optional(list(string), []) }), {})
  })
  nullable    = false
  default     = {}
  description = <<-EOT
    The roles.
    - `path`: IAM path of the roles created here, default `/`.
    - `permissions_boundary`: ARN of their permissions boundary, default none.
    - `job`, `crawler`, `workflow`: the role of the Glue job, the crawlers and the state machine. `create` says whether to
      create it, default true; if not, `role_arn` names an existing one, of which nothing is changed. What each needs is
      what the module would have given it: see docs/security.md. `policies` are further policy documents as JSON, which the
      role gets beside its own, for example for objects that another account encrypts; default none.
  EOT

  validation {
    condition     = can(regex("^/([!-~]+/)?$", var.iam.path))
    error_message = "iam.path must be / or start and end with a slash, for example /data-platform/."
  }

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/.+$", coalesce(var.iam.permissions_boundary, "arn:aws:iam::aws:policy/x")))
    error_message = "iam.permissions_boundary must be the ARN of a managed policy, arn:<partition>:iam::<account>:policy/<name>."
  }

  validation {
    condition     = alltrue([for role in [var.iam.job, var.iam.crawler, var.iam.workflow] : role.create || role.role_arn != null])
    error_message = "iam: role_arn must name the existing role when create is false."
  }

  validation {
    condition     = alltrue([for role in [var.iam.job, var.iam.crawler, var.iam.workflow] : !role.create || role.role_arn == null])
    error_message = "iam: role_arn goes with create = false: otherwise a role is created and the one named by role_arn is not used."
  }

  validation {
    condition = alltrue(flatten([
      for role in [var.iam.job, var.iam.crawler, var.iam.workflow] : [
        for policy in role.policies : try(length(flatten([jsondecode(policy).Statement])) > 0, false) && alltrue([
          for statement in try(flatten([jsondecode(policy).Statement]), []) : can(statement.Effect)
        ])
      ]
    ]))
    error_message = "iam: policies must be policy documents as JSON, {\"Version\": \"2012-10-17\", \"Statement\": […]}, each statement with an Effect."
  }

  validation {
    condition     = alltrue([for role in [var.iam.job, var.iam.crawler, var.iam.workflow] : role.create || length(role.policies) == 0])
    error_message = "iam: policies are for roles that are created here; of a brought one (create = false) nothing is changed."
  }

  validation {
    condition = alltrue([
      for role in [var.iam.job, var.iam.crawler, var.iam.workflow] :
      can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/.+$", coalesce(role.role_arn, "arn:aws:iam::000000000000:role/x")))
    ])
    error_message = "iam: role_arn must be the ARN of a role, arn:<partition>:iam::<account>:role/<name>."
  }
}

variable "force_destroy" {
  type        = bool
  nullable    = false
  default     = false
  description = <<-EOT
    Whether destroy may delete the buckets, with the objects in them and the history of the Athena workgroup. If not, the
    policy of each created bucket refuses that to everybody but the account's root user: apply with true first.
  EOT
}

variable "tags" {
  type        = map(string)
  nullable    = false
  default     = {}
  description = "Tags of everything created here; the objects in the buckets have none."

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:")])
    error_message = "The keys of tags must not start with aws:, which AWS keeps for itself."
  }

  validation {
    condition     = length(var.tags) <= 50 && alltrue([for key, value in var.tags : length(key) >= 1 && length(key) <= 128 && length(value) <= 256])
    error_message = "tags must be at most 50, with keys of 1 to 128 and values of at most 256 characters."
  }
}

variable "tags_by_kind" {
  type = object({
    bucket        = optional(map(string), {})
    catalog       = optional(map(string), {})
    job           = optional(map(string), {})
    query         = optional(map(string), {})
    workflow      = optional(map(string), {})
    triggers      = optional(map(string), {})
    notifications = optional(map(string), {})
    monitoring    = optional(map(string), {})
  })
  nullable    = false
  default     = {}
  description = <<-EOT
    Further tags of a kind of resources, which win over those of `tags`; default none.
    - `bucket`: the buckets.
    - `catalog`: database, crawlers and their role.
    - `job`: the Glue job, its role and its log groups.
    - `query`: the Athena workgroup.
    - `workflow`: the state machines, their role and their log groups.
    - `triggers`: rule, roles, collecting state machine and its log group.
    - `notifications`: topic and rule.
    - `monitoring`: the alarms.
  EOT

  validation {
    condition     = alltrue(flatten([for tags in values(var.tags_by_kind) : [for key in keys(tags) : !startswith(lower(key), "aws:")]]))
    error_message = "The keys in tags_by_kind must not start with aws:, which AWS keeps for itself."
  }

  validation {
    condition = alltrue([
      for tags in values(var.tags_by_kind) : length(merge(var.tags, tags)) <= 50 && alltrue([
        for key, value in tags : length(key) >= 1 && length(key) <= 128 && length(value) <= 256
      ])
    ])
    error_message = "tags_by_kind: each kind must have at most 50 tags together with those of tags, with keys of 1 to 128 and values of at most 256 characters."
  }
}
