variable "name" {
  type        = string
  nullable    = false
  description = "Name of the state machine; its role, policies and log group are named after it."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,46}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 48 lower-case letters, digits and hyphens, start with a letter and not end with a hyphen."
  }
}

variable "datasets" {
  type = map(object({
    contract_bucket  = optional(string)
    contract_key     = string
    raw_table        = string
    parquet_table    = string
    quarantine_table = string
    source_bucket    = string
    source_prefix    = string
    crawler_name     = optional(string)
  }))
  nullable    = false
  description = <<-EOT
    What the state machine processes, by dataset name. At most 200.
    - `contract_bucket`, `contract_key`: where the dataset's contract file lies; the bucket defaults to `artifacts_bucket`.
    - `raw_table`, `parquet_table`, `quarantine_table`: its tables in the Glue database.
    - `source_bucket`, `source_prefix`: where its CSV files arrive.
    - `crawler_name`: the crawler that finds the columns of the raw table; null when the columns are declared.
  EOT

  validation {
    condition     = alltrue([for dataset in keys(var.datasets) : can(regex("^[a-z][a-z0-9_]*$", dataset))])
    error_message = "A dataset name starts with a lower-case letter and holds lower-case letters, digits and underscores only."
  }

  validation {
    condition     = length(var.datasets) <= 200
    error_message = "One state machine processes at most 200 datasets (the execution history ends at 25,000 events): use a second instance of the module."
  }
}

variable "database_name" {
  type        = string
  nullable    = false
  description = "The Glue database of all tables and views."
}

variable "views" {
  type = list(object({
    name = string
    sql  = string
  }))
  nullable    = false
  default     = []
  description = <<-EOT
    Athena views, created in this order.
    - `name`: name of the view in the Glue database.
    - `sql`: the query behind the view, a SELECT statement.
  EOT

  validation {
    condition     = alltrue([for view in var.views : can(regex("^[a-z_][a-z0-9_]*$", view.name))])
    error_message = "A view name starts with a lower-case letter or underscore and holds lower-case letters, digits and underscores only."
  }

  validation {
    condition     = length(distinct(var.views[*].name)) == length(var.views)
    error_message = "Two views have the same name; every view needs a name of its own."
  }

  validation {
    condition     = alltrue([for view in var.views : trimspace(view.sql) != ""])
    error_message = "The sql of a view must not be empty: give the SELECT statement behind the view."
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
      var.views[*].name, [for dataset in keys(var.datasets) : "v_${dataset}"]
    )) == 0
    error_message = "A declared view must not be named v_<dataset>: the module creates those (dataset_views = false turns them off)."
  }
}

variable "on_overlap" {
  type        = string
  nullable    = false
  default     = "wait"
  description = "What an execution does while an older one is running: `wait` for its end or `skip`, that is, leave quietly."

  validation {
    condition     = contains(["wait", "skip"], var.on_overlap)
    error_message = "on_overlap must be wait or skip."
  }
}

variable "glue_job_name" {
  type        = string
  nullable    = false
  description = "The Glue job that converts CSV to Parquet."
}

variable "glue_job_runs" {
  type        = number
  default     = null
  description = "How many runs of the Glue job there may be at a time; null stands for `max_concurrency`."
}

variable "crawler_names" {
  type        = list(string)
  nullable    = false
  default     = []
  description = "Crawlers that the state machine may start. Must hold every `crawler_name` of `datasets`."

  validation {
    condition = alltrue([
      for dataset in var.datasets : dataset.crawler_name == null ? true : contains(var.crawler_names, dataset.crawler_name)
    ])
    error_message = "Every crawler_name of datasets must be listed in crawler_names, otherwise the state machine may not start it."
  }
}

variable "lake_bucket" {
  type        = string
  nullable    = false
  description = "Bucket of the Parquet tables; the job leaves its reports below `reports/`."
}

variable "artifacts_bucket" {
  type        = string
  nullable    = false
  description = "Bucket of the scripts and contracts."
}

variable "athena_workgroup" {
  type        = string
  nullable    = false
  description = "Athena workgroup that the views are created in."
}

variable "athena_results_uri" {
  type        = string
  nullable    = false
  description = "Where Athena leaves its results, `s3://bucket/prefix/`."

  validation {
    condition     = can(regex("^s3://[^/]+/(.*/)?$", var.athena_results_uri))
    error_message = "athena_results_uri must be an S3 folder ending in a slash, for example s3://my-lake/athena-results/."
  }
}

variable "kms_key_arn" {
  type        = string
  default     = null
  description = "KMS key of the buckets and of the log group; null when none is used."
}

variable "create_role" {
  type        = bool
  nullable    = false
  default     = true
  description = "Whether to create the role of the state machine. A switch of its own, because `role_arn` may be unknown while planning."
}

variable "role_arn" {
  type        = string
  default     = null
  description = "The role to use when `create_role` is false; it needs what `docs/state-machine.md` lists."

  validation {
    condition     = var.create_role || var.role_arn != null
    error_message = "role_arn must name the role of the state machine when create_role is false."
  }
}

variable "role_path" {
  type        = string
  nullable    = false
  default     = "/"
  description = "IAM path of the roles created here."
}

variable "permissions_boundary" {
  type        = string
  default     = null
  description = "ARN of the permissions boundary of the roles created here."
}

variable "max_concurrency" {
  type        = number
  nullable    = false
  default     = 4
  description = "How many datasets are processed at a time, 1 to 40."

  validation {
    condition     = var.max_concurrency >= 1 && var.max_concurrency <= 40 && floor(var.max_concurrency) == var.max_concurrency
    error_message = "max_concurrency must be a whole number from 1 to 40 (an inline Map runs at most 40 iterations at a time)."
  }
}

variable "log_level" {
  type        = string
  nullable    = false
  default     = "ERROR"
  description = "What the state machine logs: ALL, ERROR, FATAL or OFF."

  validation {
    condition     = contains(["ALL", "ERROR", "FATAL", "OFF"], var.log_level)
    error_message = "log_level must be ALL, ERROR, FATAL or OFF."
  }
}

variable "include_execution_data" {
  type        = bool
  nullable    = false
  default     = false
  description = "Whether inputs and outputs of states are logged. Off by default: they hold object keys and error texts."
}

variable "log_retention_days" {
  type        = number
  nullable    = false
  default     = 90
  description = "How long the log group keeps its events."

  validation {
    condition = contains(
      [0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.log_retention_days
    )
    error_message = "log_retention_days must be one of 0 (for ever), 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "tracing" {
  type        = bool
  nullable    = false
  default     = false
  description = "Whether X-Ray traces the executions."
}

variable "timeouts" {
  type = object({
    execution_seconds    = optional(number, 86400)
    job_seconds          = optional(number, 14400)
    query_seconds        = optional(number, 600)
    request_seconds      = optional(number, 60)
    crawler_seconds      = optional(number, 1800)
    crawler_poll_seconds = optional(number, 15)
    overlap_poll_seconds = optional(number, 60)
  })
  nullable    = false
  default     = {}
  description = <<-EOT
    Bounds in seconds.
    - `execution_seconds`: a whole execution, default 86400.
    - `job_seconds`: one Glue run including its start-up, default 14400. Keep it above the job's own timeout.
    - `query_seconds`: the creation of one view, default 600.
    - `request_seconds`: one call to Glue or S3, default 60.
    - `crawler_seconds`: one crawl, default 1800.
    - `crawler_poll_seconds`: time between two looks at the crawler, default 15.
    - `overlap_poll_seconds`: time between two looks for older executions, default 60.
  EOT

  validation {
    condition = alltrue([
      for name, seconds in var.timeouts : seconds == null ? false : seconds >= 1 && seconds <= 31536000 && floor(seconds) == seconds
    ])
    error_message = "Each of timeouts must be a whole number of seconds from 1 to 31536000 (one year)."
  }
}

variable "tags" {
  type        = map(string)
  nullable    = false
  default     = {}
  description = "Tags of everything created here."
}
