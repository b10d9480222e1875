variable "create" {
  type        = bool
  nullable    = false
  default     = true
  description = "Whether to create anything at all."
}

variable "name" {
  type        = string
  nullable    = false
  description = "Name of this instance; everything it creates is named after it."

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

variable "datasets" {
  type = map(object({
    prefix            = optional(string)
    partition_keys    = optional(list(object({ name = string, type = optional(string, "string") })), [])
    partition_pattern = optional(string)
    columns = optional(list(object({
      name     = string
      type     = optional(string, "string")
      source   = optional(string)
      required = optional(bool, false)
      format   = optional(string)
      comment  = optional(string, "")
    })), [])
    csv = optional(object({
      delimiter        = optional(string, ",")
      quote            = optional(string, "\"")
      escape           = optional(string)
      header           = optional(bool, true)
      encoding         = optional(string, "utf-8")
      null_values      = optional(list(string), [""])
      comment          = optional(string)
      date_format      = optional(string)
      timestamp_format = optional(string)
      quoted_newlines  = optional(bool, true)
      trim             = optional(bool, false)
    }), {})
    schema_drift            = optional(string, "fail")
    max_bad_fraction        = optional(number, 0.01)
    max_bad_rows            = optional(number)
    on_source_removed       = optional(string, "keep")
    on_unmatched            = optional(string, "fail")
    on_contract_change      = optional(string, "reconvert")
    target_file_mb          = optional(number, 128)
    retain_superseded_hours = optional(number, 24)
  }))
  nullable    = false
  description = <<-EOT
    What lies in the raw bucket and what is made of it, by dataset name. The Parquet table has the dataset's name.
    - `prefix`: folder of the CSV files in the raw bucket, default `<name>/`.
    - `partition_keys`: names and types (string, int, bigint, date) of the partition keys, taken from Hive-style folders
      (`month=2026-01/`) or from `partition_pattern`; default none, an unpartitioned table.
    - `partition_pattern`: a Python regular expression over the key below the prefix whose named groups are the partition
      keys, for example `(?P<year>\d{4})-(?P<month>\d{2})\.csv`; default none.
    - `columns`: the columns of the Parquet table. `source` is the name in the file's header, default the column's name;
      `required` sends rows without a value to quarantine, default false; `format` is a strptime format for date and
      timestamp; `comment` describes the column. Types: string (default), boolean, int, bigint, float, double,
      decimal(p,s), date, timestamp. Without columns a crawler finds them.
    - `csv`: how the files are written. `delimiter` (default a comma), `quote` (default a double quote, null for none),
      `escape` (default null: quotes are doubled), `header` (default true), `encoding` (default utf-8), `null_values`
      (default the empty text), `comment` (default null: there are none), `date_format` and `timestamp_format` (strptime,
      default ISO 8601), `quoted_newlines` (default true), `trim` (default false).
    - `schema_drift`: `fail` (default) or `ignore` when a file lacks a column or has one more.
    - `max_bad_fraction`, `max_bad_rows`: more bad rows than this fail the run before anything is published; default 0.01
      and no limit by number.
    - `on_source_removed`: `keep` (default) or `mirror` when raw files disappear.
    - `on_unmatched`: `fail` (default) or `skip` when a key has no partition values.
    - `on_contract_change`: `reconvert` (default) everything, or `new_data_only`.
    - `target_file_mb`: size of the Parquet files to aim at, default 128.
    - `retain_superseded_hours`: how long replaced files stay for running queries, default 24.
  EOT

  validation {
    condition     = length(var.datasets) >= (var.create ? 1 : 0) && length(var.datasets) <= 200
    error_message = "datasets must hold 1 to 200 datasets: use a second instance of the module for more."
  }

  validation {
    condition     = alltrue([for dataset in keys(var.datasets) : can(regex("^[a-z][a-z0-9_]{0,99}$", dataset))])
    error_message = "A dataset name starts with a lower-case letter and holds at most 100 lower-case letters, digits and underscores: it becomes the name of the table."
  }

  validation {
    condition     = length(setintersection(keys(var.datasets), local.reserved_words)) == 0
    error_message = "A dataset must not be named with a reserved word of SQL (${join(", ", setintersection(keys(var.datasets), local.reserved_words))}): use a name that needs no quotes in a query, for example ${join(", ", [for word in setintersection(keys(var.datasets), local.reserved_words) : "${word}_data"])}."
  }

  validation {
    condition = length(distinct(flatten([
      for dataset in keys(var.datasets) : [dataset, "raw_${dataset}", "${dataset}_quarantine"]
    ]))) == 3 * length(var.datasets)
    error_message = "Every dataset makes the tables <name>, raw_<name> and <name>_quarantine; two datasets must not make a table of the same name."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : can(regex("^[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*/?$", coalesce(dataset.prefix, "x")))
    ])
    error_message = "prefix must be a folder below the bucket, such as sales/orders/: letters, digits and - _ . = between single slashes, no slash in front, no bucket name."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : length(coalesce(dataset.prefix, "x")) <= 500])
    error_message = "prefix must have at most 500 characters."
  }

  validation {
    # In sorted order a prefix of another one stands right before it, or before one that it is a prefix of, too.
    condition = alltrue(flatten([
      for prefixes in [sort([for name, dataset in var.datasets : "${trimsuffix(coalesce(dataset.prefix, name), "/")}/"])] : [
        for index, prefix in prefixes : index == 0 ? true : !startswith(prefix, prefixes[index - 1])
      ]
    ]))
    error_message = "The prefixes of two datasets must not overlap, otherwise a file would belong to both: give each a folder of its own."
  }

  validation {
    condition = alltrue([
      for name, dataset in var.datasets :
      length(dataset.columns) > 0 || basename(trimsuffix(coalesce(dataset.prefix, name), "/")) == name
    ])
    error_message = "The prefix of a dataset without columns must end in the dataset's name, such as landing/<name>/: the crawler names the table after the last folder. Or declare the columns."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [for key in dataset.partition_keys : can(regex("^[a-z_][a-z0-9_]{0,254}$", key.name))]
    ]))
    error_message = "The name of a partition key starts with a lower-case letter or underscore and holds lower-case letters, digits and underscores only."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [for key in dataset.partition_keys : !contains(local.reserved_words, key.name)]
    ]))
    error_message = "A partition key must not be named with a reserved word of SQL (${join(", ", setintersection(flatten(values(var.datasets)[*].partition_keys[*].name), local.reserved_words))})."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [for key in dataset.partition_keys : contains(local.partition_types, key.type)]
    ]))
    error_message = "The type of a partition key must be ${join(", ", local.partition_types)}."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : length(distinct(dataset.partition_keys[*].name)) == length(dataset.partition_keys)
    ])
    error_message = "The partition keys of a dataset need names of their own; one is named twice."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : dataset.partition_pattern == null || length(dataset.partition_keys) > 0
    ])
    error_message = "partition_pattern needs partition_keys: declare one partition key for each of its named groups."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : dataset.partition_pattern == null || length(dataset.partition_keys) == 0 || (
        join(",", sort(flatten(regexall("\\(\\?P<(\\w+)>", coalesce(dataset.partition_pattern, "x"))))) ==
        join(",", sort(dataset.partition_keys[*].name))
      )
    ])
    error_message = "The named groups of partition_pattern, written (?P<key>…), must be exactly the partition keys."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [for column in dataset.columns : can(regex("^[a-z_][a-z0-9_]{0,254}$", column.name))]
    ]))
    error_message = "A column name starts with a lower-case letter or underscore and holds lower-case letters, digits and underscores only; put the name in the file's header into source."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [for column in dataset.columns : !contains(local.reserved_words, column.name)]
    ]))
    error_message = "A column must not be named with a reserved word of SQL (${join(", ", setintersection(flatten(values(var.datasets)[*].columns[*].name), local.reserved_words))}): choose another name and put the one in the file's header into source."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : length(distinct(dataset.columns[*].name)) == length(dataset.columns)
    ])
    error_message = "The columns of a dataset need names of their own; one is named twice."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : length(setintersection(dataset.partition_keys[*].name, dataset.columns[*].name)) == 0
    ])
    error_message = "A partition key must not also be a column: its value comes from the folder or the key, so give it a name of its own."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for column in dataset.columns :
        contains(local.column_types, column.type) || can(regex("^decimal\\([0-9]+,[0-9]+\\)$", column.type))
      ]
    ]))
    error_message = "The type of a column must be ${join(", ", local.column_types)} or decimal(p,s), for example decimal(12,2)."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for column in dataset.columns : try(
          tonumber(regex("^decimal\\(([0-9]+),", column.type)[0]) >= 1 &&
          tonumber(regex("^decimal\\(([0-9]+),", column.type)[0]) <= 38 &&
          tonumber(regex(",([0-9]+)\\)$", column.type)[0]) <= tonumber(regex("^decimal\\(([0-9]+),", column.type)[0]),
          true
        )
      ]
    ]))
    error_message = "decimal(p,s) allows 1 to 38 digits (p), of which at most p stand behind the point (s)."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for column in dataset.columns : column.format == null || contains(["date", "timestamp"], column.type)
      ]
    ]))
    error_message = "format is for columns of type date and timestamp only."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for format in concat([dataset.csv.date_format, dataset.csv.timestamp_format], dataset.columns[*].format) :
        format == null ? true : strcontains(format, "%")
      ]
    ]))
    error_message = "A date or timestamp format is a strptime format with % codes, for example %d.%m.%Y."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for format in concat([dataset.csv.date_format], [for column in dataset.columns : column.type == "date" ? column.format : null]) :
        format == null ? true : !can(regex("%[^YymdbBj%]", replace(format, "%%", "")))
      ]
    ]))
    error_message = "The format of a date may hold the codes %Y, %y, %m, %d, %b, %B, %j and %% only."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for format in concat([dataset.csv.timestamp_format], [for column in dataset.columns : column.type == "timestamp" ? column.format : null]) :
        format == null ? true : !can(regex("%[^YymdbBjHIMSfpz%]", replace(format, "%%", "")))
      ]
    ]))
    error_message = "The format of a timestamp may hold the codes %Y, %y, %m, %d, %b, %B, %j, %H, %I, %M, %S, %f, %p, %z and %% only."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [for column in dataset.columns : column.source == null || dataset.csv.header]
    ]))
    error_message = "source names a column in the file's header; files without one (csv.header = false) are read by position, so leave source out."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for character in [dataset.csv.delimiter, dataset.csv.quote, dataset.csv.escape, dataset.csv.comment] :
        character == null ? true : can(regex("^[ -~\\t]$", character))
      ]
    ]))
    error_message = "csv.delimiter, csv.quote, csv.escape and csv.comment must each be one ASCII character, no line break (a tab is \"\\t\")."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : length(distinct(compact([
        dataset.csv.delimiter, dataset.csv.quote, dataset.csv.comment,
        # The escape may be the quote itself: that is what doubling means.
        dataset.csv.escape == dataset.csv.quote ? null : dataset.csv.escape,
        ]))) == length(compact([
        dataset.csv.delimiter, dataset.csv.quote, dataset.csv.comment,
        dataset.csv.escape == dataset.csv.quote ? null : dataset.csv.escape,
      ]))
    ])
    error_message = "csv.delimiter, csv.quote, csv.escape and csv.comment must differ; only escape may equal quote."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for spelling in dataset.csv.null_values :
        dataset.csv.escape == null || dataset.csv.escape == dataset.csv.quote || !strcontains(spelling, coalesce(dataset.csv.escape, "x"))
      ]
    ]))
    error_message = "csv.null_values must not hold csv.escape: escapes are resolved before nulls are looked for, so write the spelling without it."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : can(regex("^[A-Za-z0-9][A-Za-z0-9_.-]*$", dataset.csv.encoding))])
    error_message = "csv.encoding must be the name of an encoding that Python knows, for example utf-8, latin-1 or cp1252."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : contains(["fail", "ignore"], dataset.schema_drift)])
    error_message = "schema_drift must be fail or ignore."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : dataset.max_bad_fraction >= 0 && dataset.max_bad_fraction <= 1])
    error_message = "max_bad_fraction must be a number from 0 (none) to 1 (all); 0.01 is one row in a hundred."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : dataset.max_bad_rows == null ? true : (
        dataset.max_bad_rows >= 0 && floor(dataset.max_bad_rows) == dataset.max_bad_rows
      )
    ])
    error_message = "max_bad_rows must be a whole number from 0, or null for no limit."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : contains(["keep", "mirror"], dataset.on_source_removed)])
    error_message = "on_source_removed must be keep or mirror."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : contains(["fail", "skip"], dataset.on_unmatched)])
    error_message = "on_unmatched must be fail or skip."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : contains(["reconvert", "new_data_only"], dataset.on_contract_change)])
    error_message = "on_contract_change must be reconvert or new_data_only."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets :
      dataset.target_file_mb >= 1 && dataset.target_file_mb <= 4096 && floor(dataset.target_file_mb) == dataset.target_file_mb
    ])
    error_message = "target_file_mb must be a whole number from 1 to 4096."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : dataset.retain_superseded_hours >= 0 && dataset.retain_superseded_hours <= 87600
    ])
    error_message = "retain_superseded_hours must be a number from 0 to 87600 (ten years)."
  }
}

variable "views" {
  type        = list(object({ name = string, sql = string }))
  nullable    = false
  default     = []
  description = <<-EOT
    Athena views, created in this order by every execution.
    - `name`: name of the view in the Glue database.
    - `sql`: the query behind the view, a SELECT statement.
  EOT

  validation {
    condition     = alltrue([for view in var.views : can(regex("^[a-z_][a-z0-9_]{0,127}$", view.name))])
    error_message = "A view name starts with a lower-case letter or underscore and holds at most 128 lower-case letters, digits and underscores."
  }

  validation {
    condition     = length(setintersection(var.views[*].name, local.reserved_words)) == 0
    error_message = "A view must not be named with a reserved word of SQL (${join(", ", setintersection(var.views[*].name, local.reserved_words))})."
  }

  validation {
    condition     = length(distinct(var.views[*].name)) == length(var.views)
    error_message = "Two views have the same name; every view needs a name of its own."
  }

  validation {
    condition = length(setintersection(var.views[*].name, flatten([
      for dataset in keys(var.datasets) : [dataset, "raw_${dataset}", "${dataset}_quarantine"]
    ]))) == 0
    error_message = "A view must not have the name of a table; every dataset makes the tables <name>, raw_<name> and <name>_quarantine."
  }

  validation {
    condition = !var.dataset_views || length(setintersection(
      var.views[*].name, [for dataset in keys(var.datasets) : "v_${dataset}"]
    )) == 0
    error_message = "A declared view must not be named v_<dataset>: the module creates those (dataset_views = false turns them off)."
  }

  validation {
    condition     = alltrue([for view in var.views : trimspace(view.sql) != ""])
    error_message = "The sql of a view must not be empty: give the SELECT statement behind the view."
  }

  validation {
    condition     = alltrue([for view in var.views : !can(regex("(?i)^\\s*(create|drop|insert|alter|delete|update)\\s", view.sql))])
    error_message = "The sql of a view is only the SELECT statement behind it, without CREATE VIEW in front."
  }

  validation {
    condition     = length(jsonencode(var.views)) <= 200000
    error_message = "The SQL of all views together must stay below 200,000 characters: Step Functions passes at most 256 KiB between states."
  }
}

variable "dataset_views" {
  type        = bool
  nullable    = false
  default     = true
  description = "Whether every dataset gets a view `v_<dataset>` with all its columns, before the declared views."

  validation {
    condition = !var.dataset_views || length(setintersection(
      keys(var.datasets), [for dataset in keys(var.datasets) : "v_${dataset}"]
    )) == 0
    error_message = "A dataset must not be named v_<other dataset>: that is the other one's view (dataset_views = false turns those off)."
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
  description = "Name of the Glue database; default `name` with underscores for hyphens."

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
    - `create`: whether to create it, default true; if not, `name` names an existing one, of which nothing is changed;
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
      for bucket in var.buckets : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", coalesce(bucket.name, "xxx")))
    ])
    error_message = "buckets: a bucket name has 3 to 63 lower-case letters, digits, dots and hyphens; give the name only, without s3:// and without a folder."
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
  description = "Whether the buckets created here refuse requests without TLS. Only an endpoint that speaks plain HTTP needs false."
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
    What is removed by itself from the buckets created here.
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

variable "iam" {
  type = object({
    path                 = optional(string, "/")
    permissions_boundary = optional(string)
    job                  = optional(object({ create = optional(bool, true), role_arn = optional(string) }), {})
    crawler              = optional(object({ create = optional(bool, true), role_arn = optional(string) }), {})
    workflow             = optional(object({ create = optional(bool, true), role_arn = optional(string) }), {})
  })
  nullable    = false
  default     = {}
  description = <<-EOT
    The roles.
    - `path`: IAM path of the roles created here, default `/`.
    - `permissions_boundary`: ARN of their permissions boundary, default none.
    - `job`, `crawler`, `workflow`: the role of the Glue job, the crawlers and the state machine. `create` says whether to
      create it, default true; if not, `role_arn` names an existing one, of which nothing is changed. What each needs is
      what the module would have given it: see docs/security.md.
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
  description = "Whether destroy also deletes the objects in the buckets and the history of the Athena workgroup."
}

variable "glue" {
  type = object({
    version                       = optional(string, "5.1")
    worker_type                   = optional(string, "G.1X")
    number_of_workers             = optional(number, 2)
    autoscaling                   = optional(bool, true)
    execution_class               = optional(string, "STANDARD")
    timeout_minutes               = optional(number, 120)
    max_concurrent_runs           = optional(number, 4)
    metrics                       = optional(bool, true)
    log_retention_days            = optional(number, 90)
    connections                   = optional(list(string), [])
    security_configuration        = optional(string)
    create_security_configuration = optional(bool, false)
    additional_python_modules     = optional(list(string), [])
    default_arguments             = optional(map(string), {})
  })
  nullable    = false
  default     = {}
  description = <<-EOT
    The Glue job.
    - `version`: 5.0, 5.1 (default) or 6.0.
    - `worker_type`: G.1X (default), G.2X, G.4X, G.8X, G.12X, G.16X, R.1X, R.2X, R.4X or R.8X; those from G.12X on need
      provider 6.10 or newer.
    - `number_of_workers`: default 2; with `autoscaling` the most there will be.
    - `autoscaling`: whether Glue takes only as many workers as it can use, default true.
    - `execution_class`: STANDARD (default) or FLEX, cheaper on spare capacity, for G.1X and G.2X.
    - `timeout_minutes`: default 120.
    - `max_concurrent_runs`: how many datasets convert at a time, default 4.
    - `metrics`: whether Glue sends the job's own metrics to CloudWatch, default true.
    - `log_retention_days`: default 90.
    - `connections`: names of Glue connections that put the workers into a VPC, default none.
    - `security_configuration`: name of an existing Glue security configuration, default none.
    - `create_security_configuration`: whether to create one that encrypts with `kms_key_arn`, default false.
    - `additional_python_modules`: pip requirements that Glue installs, default none.
    - `default_arguments`: further job arguments, default none.
  EOT

  validation {
    condition     = contains(["5.0", "5.1", "6.0"], var.glue.version)
    error_message = "glue.version must be 5.0, 5.1 or 6.0: the job needs the pyarrow that these come with."
  }

  validation {
    condition     = contains(keys(local.worker_dpus), var.glue.worker_type)
    error_message = "glue.worker_type must be one of ${join(", ", keys(local.worker_dpus))} (G.025X is for streaming jobs and Z.2X for Ray)."
  }

  validation {
    # https://docs.aws.amazon.com/glue/latest/webapi/API_CreateJob.html
    condition = (
      var.glue.number_of_workers >= 2 && var.glue.number_of_workers <= (var.glue.worker_type == "G.1X" ? 299 : 149) &&
      floor(var.glue.number_of_workers) == var.glue.number_of_workers
    )
    error_message = "glue.number_of_workers must be a whole number from 2 to 299 (G.1X) or 149 (all others)."
  }

  validation {
    condition     = contains(["STANDARD", "FLEX"], var.glue.execution_class)
    error_message = "glue.execution_class must be STANDARD or FLEX."
  }

  validation {
    # https://docs.aws.amazon.com/glue/latest/dg/add-job.html
    condition     = var.glue.execution_class != "FLEX" || contains(["G.1X", "G.2X"], var.glue.worker_type)
    error_message = "glue.execution_class FLEX is for the worker types G.1X and G.2X only."
  }

  validation {
    condition     = var.glue.timeout_minutes >= 1 && var.glue.timeout_minutes <= 10080 && floor(var.glue.timeout_minutes) == var.glue.timeout_minutes
    error_message = "glue.timeout_minutes must be a whole number from 1 to 10080 (seven days)."
  }

  validation {
    condition     = var.glue.max_concurrent_runs >= 1 && var.glue.max_concurrent_runs <= 200 && floor(var.glue.max_concurrent_runs) == var.glue.max_concurrent_runs
    error_message = "glue.max_concurrent_runs must be a whole number from 1 to 200, the number of datasets there can be."
  }

  validation {
    condition     = contains(local.retention_days, var.glue.log_retention_days)
    error_message = "glue.log_retention_days must be 0 (for ever) or one of ${join(", ", slice(local.retention_days, 1, length(local.retention_days)))}."
  }

  validation {
    condition     = !var.glue.create_security_configuration || var.glue.security_configuration == null
    error_message = "glue: either create_security_configuration or the name of an existing security_configuration, not both."
  }

  validation {
    condition     = !var.glue.create_security_configuration || var.kms_key_arn != null
    error_message = "glue.create_security_configuration needs kms_key_arn, the key to encrypt with."
  }

  validation {
    condition     = alltrue([for key in keys(var.glue.default_arguments) : startswith(key, "--")])
    error_message = "The keys of glue.default_arguments start with --, for example --conf."
  }

  validation {
    condition = length(setintersection(keys(var.glue.default_arguments), [
      "--extra-py-files", "--job-language", "--enable-auto-scaling", "--enable-metrics", "--custom-logGroup-prefix",
      "--additional-python-modules", "--dataset_config", "--run_id", "--run_mode", "--force", "--partitions",
    ])) == 0
    error_message = "glue.default_arguments must not hold what the module sets itself: --extra-py-files, --job-language, --enable-auto-scaling (autoscaling), --enable-metrics (metrics), --custom-logGroup-prefix, --additional-python-modules (additional_python_modules), --dataset_config, --run_id, --run_mode, --force, --partitions."
  }
}

variable "athena" {
  type = object({
    create_workgroup        = optional(bool, true)
    workgroup_name          = optional(string)
    results_uri             = optional(string)
    bytes_scanned_cutoff_mb = optional(number, 102400)
  })
  nullable    = false
  default     = {}
  description = <<-EOT
    Athena.
    - `create_workgroup`: whether to create the workgroup, default true; if not, `workgroup_name` names an existing one.
    - `workgroup_name`: default the name of the instance.
    - `results_uri`: where the results of queries go, default `s3://<lake bucket>/athena-results/`. An existing workgroup
      that enforces its settings must write to the same place, otherwise the state machine may not.
    - `bytes_scanned_cutoff_mb`: a query that reads more than this is cancelled, default 102400 (a created workgroup).
  EOT

  validation {
    condition     = var.athena.create_workgroup || var.athena.workgroup_name != null
    error_message = "athena.workgroup_name must name the existing workgroup when create_workgroup is false."
  }

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]{1,128}$", coalesce(var.athena.workgroup_name, "x")))
    error_message = "athena.workgroup_name must be 1 to 128 letters, digits, dots, underscores and hyphens."
  }

  validation {
    condition     = can(regex("^s3://[^/]+/([^/]+/)*$", coalesce(var.athena.results_uri, "s3://x/")))
    error_message = "athena.results_uri must be an S3 folder ending in a slash, for example s3://my-results/sales/."
  }

  validation {
    condition = var.athena.results_uri == null || alltrue(flatten([
      for bucket, folders in {
        (coalesce(var.buckets.raw.name, "-"))  = [for name, dataset in var.datasets : "${trimsuffix(coalesce(dataset.prefix, name), "/")}/"]
        (coalesce(var.buckets.lake.name, "+")) = local.lake_folders
      } : [for folder in folders : !startswith(coalesce(var.athena.results_uri, "s3://x/"), "s3://${bucket}/${folder}")]
    ]))
    error_message = "athena.results_uri must not lie in a dataset's prefix of the raw bucket, nor in tables/, quarantine/, manifests/ or reports/ of the lake bucket."
  }

  validation {
    # https://docs.aws.amazon.com/athena/latest/APIReference/API_WorkGroupConfiguration.html
    condition     = var.athena.bytes_scanned_cutoff_mb >= 10 && floor(var.athena.bytes_scanned_cutoff_mb) == var.athena.bytes_scanned_cutoff_mb
    error_message = "athena.bytes_scanned_cutoff_mb must be a whole number from 10."
  }
}

variable "workflow" {
  type = object({
    max_concurrency        = optional(number, 4)
    on_overlap             = optional(string, "wait")
    log_level              = optional(string, "ERROR")
    include_execution_data = optional(bool, false)
    log_retention_days     = optional(number, 90)
    tracing                = optional(bool, false)
    timeouts = optional(object({
      execution_seconds    = optional(number, 86400)
      job_seconds          = optional(number, 14400)
      query_seconds        = optional(number, 600)
      request_seconds      = optional(number, 60)
      crawler_seconds      = optional(number, 1800)
      crawler_poll_seconds = optional(number, 15)
      overlap_poll_seconds = optional(number, 60)
    }), {})
  })
  nullable    = false
  default     = {}
  description = <<-EOT
    The state machine.
    - `max_concurrency`: datasets processed at a time, 1 to 40, default 4.
    - `on_overlap`: what an execution does while an older one is running: `wait` (default) for its end or `skip`.
    - `log_level`: ALL, ERROR (default), FATAL or OFF.
    - `include_execution_data`: whether inputs and outputs of states are logged, default false: they hold object keys and
      error texts.
    - `log_retention_days`: default 90.
    - `tracing`: whether X-Ray traces the executions, default false.
    - `timeouts`: bounds in seconds: `execution_seconds` (default 86400), `job_seconds` (14400, a Glue run with its
      start-up), `query_seconds` (600, the creation of a view), `request_seconds` (60, a call to Glue or S3),
      `crawler_seconds` (1800), `crawler_poll_seconds` (15), `overlap_poll_seconds` (60).
  EOT

  validation {
    condition     = var.workflow.max_concurrency >= 1 && var.workflow.max_concurrency <= 40 && floor(var.workflow.max_concurrency) == var.workflow.max_concurrency
    error_message = "workflow.max_concurrency must be a whole number from 1 to 40."
  }

  validation {
    condition     = contains(["wait", "skip"], var.workflow.on_overlap)
    error_message = "workflow.on_overlap must be wait or skip."
  }

  validation {
    condition     = contains(["ALL", "ERROR", "FATAL", "OFF"], var.workflow.log_level)
    error_message = "workflow.log_level must be ALL, ERROR, FATAL or OFF."
  }

  validation {
    condition     = contains(local.retention_days, var.workflow.log_retention_days)
    error_message = "workflow.log_retention_days must be 0 (for ever) or one of ${join(", ", slice(local.retention_days, 1, length(local.retention_days)))}."
  }

  validation {
    condition = alltrue([
      for seconds in values(var.workflow.timeouts) : seconds >= 1 && seconds <= 31536000 && floor(seconds) == seconds
    ])
    error_message = "Each of workflow.timeouts must be a whole number of seconds from 1 to 31536000 (one year)."
  }

  validation {
    condition     = var.workflow.timeouts.job_seconds > 60 * var.glue.timeout_minutes
    error_message = "workflow.timeouts.job_seconds must be more than glue.timeout_minutes (${60 * var.glue.timeout_minutes} seconds), so that Glue ends a run that hangs and says why."
  }

  validation {
    condition     = var.workflow.timeouts.execution_seconds > var.workflow.timeouts.job_seconds
    error_message = "workflow.timeouts.execution_seconds must be more than job_seconds."
  }
}

variable "schedule" {
  type = object({
    expression     = string
    timezone       = optional(string, "UTC")
    enabled        = optional(bool, true)
    window_minutes = optional(number, 0)
  })
  default     = null
  description = <<-EOT
    When to start an execution by the clock; default null, never.
    - `expression`: `rate(1 hour)`, `cron(0 6 * * ? *)` or `at(2026-01-31T12:00:00)`.
    - `timezone`: the IANA name of the time zone of a cron or at expression, default UTC.
    - `enabled`: false keeps the schedule and stops it from firing, default true.
    - `window_minutes`: how much later than due it may start, 0 to 1440, default 0.
  EOT

  validation {
    condition = var.schedule == null ? true : can(regex(
      "^(rate\\([1-9][0-9]* (minute|minutes|hour|hours|day|days)\\)|cron\\(([^ ]+ ){5}[^ ]+\\)|at\\([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\))$",
      var.schedule.expression
    ))
    error_message = "schedule.expression must be rate(<number> <minutes|hours|days>), cron(<six fields>) or at(yyyy-mm-ddThh:mm:ss), for example cron(0 6 * * ? *)."
  }

  validation {
    condition     = var.schedule == null ? true : can(regex("^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$", var.schedule.timezone))
    error_message = "schedule.timezone must be the IANA name of a time zone, for example UTC or Europe/Berlin."
  }

  validation {
    condition     = var.schedule == null ? true : var.schedule.window_minutes >= 0 && var.schedule.window_minutes <= 1440 && floor(var.schedule.window_minutes) == var.schedule.window_minutes
    error_message = "schedule.window_minutes must be a whole number from 0 to 1440."
  }
}

variable "trigger_on_upload" {
  type = object({
    window_seconds       = optional(number, 60)
    manage_notifications = optional(bool, true)
  })
  default     = null
  description = <<-EOT
    Whether uploads start an execution; default null, no. `{}` turns it on.
    - `window_seconds`: uploads within the same window start one execution, after its end; 1 to 86400, default 60.
    - `manage_notifications`: whether the raw bucket's EventBridge notifications are turned on here, default true. A bucket
      has one notification configuration: leave it to its owner (false) where there is another one.
  EOT

  validation {
    condition     = var.trigger_on_upload == null ? true : var.trigger_on_upload.window_seconds >= 1 && var.trigger_on_upload.window_seconds <= 86400 && floor(var.trigger_on_upload.window_seconds) == var.trigger_on_upload.window_seconds
    error_message = "trigger_on_upload.window_seconds must be a whole number from 1 to 86400 (one day)."
  }
}

variable "notifications" {
  type = object({
    enabled      = optional(bool, false)
    create_topic = optional(bool, true)
    topic_arn    = optional(string)
    emails       = optional(set(string), [])
  })
  nullable    = false
  default     = {}
  description = <<-EOT
    Messages about executions that failed, timed out or were aborted, and about alarms.
    - `enabled`: default false.
    - `create_topic`: whether to create the SNS topic, default true; if not, `topic_arn` names an existing one, whose
      policy must let EventBridge and CloudWatch publish.
    - `topic_arn`: the existing topic.
    - `emails`: addresses that are subscribed to a created topic; each has to confirm.
  EOT

  validation {
    condition     = !var.notifications.enabled || var.notifications.create_topic || var.notifications.topic_arn != null
    error_message = "notifications.topic_arn must name the existing topic when create_topic is false."
  }

  validation {
    condition     = can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", coalesce(var.notifications.topic_arn, "arn:aws:sns:x:000000000000:x")))
    error_message = "notifications.topic_arn must be the ARN of a standard topic, arn:<partition>:sns:<region>:<account>:<name>."
  }

  validation {
    condition     = alltrue([for email in var.notifications.emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "notifications.emails must be mail addresses, for example data-platform@example.com."
  }

  validation {
    condition     = length(var.notifications.emails) == 0 || (var.notifications.enabled && var.notifications.create_topic)
    error_message = "notifications.emails needs enabled and create_topic: an existing topic has its own subscribers."
  }
}

variable "monitoring" {
  type = object({
    dashboard        = optional(bool, true)
    alarms           = optional(bool, true)
    no_success_hours = optional(number)
  })
  nullable    = false
  default     = {}
  description = <<-EOT
    What watches over it.
    - `dashboard`: whether to create a CloudWatch dashboard, default true.
    - `alarms`: whether to create alarms for failed and timed out executions and for rows in quarantine, default true.
    - `no_success_hours`: an alarm when no execution has succeeded for so many hours, 1 to 168; default none.
  EOT

  validation {
    # The longest an alarm looks back is seven days: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    condition     = var.monitoring.no_success_hours == null ? true : var.monitoring.no_success_hours >= 1 && var.monitoring.no_success_hours <= 168 && floor(var.monitoring.no_success_hours) == var.monitoring.no_success_hours
    error_message = "monitoring.no_success_hours must be a whole number from 1 to 168 (seven days), or null for no such alarm."
  }

  validation {
    condition     = var.monitoring.no_success_hours == null || var.monitoring.alarms
    error_message = "monitoring.no_success_hours needs monitoring.alarms."
  }
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
