variable "name" {
  type        = string
  nullable    = false
  description = "Name of the state machine; its role, policies and log group are named after it."
}

variable "global_suffix" {
  type        = string
  nullable    = false
  default     = ""
  description = "What is appended to the name of the role, which an account has once over all regions."
}

variable "templates_folder" {
  type        = string
  nullable    = false
  description = "Folder of the templates of the state machines, with their expressions in a folder `jsonata`."
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
}

variable "dataset_views" {
  type        = bool
  nullable    = false
  default     = true
  description = "Whether every dataset gets a view `v_<dataset>` with all its columns, before the declared views."
}

variable "on_dataset_removed" {
  type        = string
  nullable    = false
  default     = "keep"
  description = "What becomes of the tables and views of this pipeline whose dataset or view is no longer given: `keep` or `drop_tables`."
}

variable "on_overlap" {
  type        = string
  nullable    = false
  default     = "wait"
  description = "What an execution does while an older one is running: `wait` for its end or `skip`, that is, leave quietly."
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
}

variable "kms_key_arn" {
  type        = string
  default     = null
  description = "KMS key of the buckets and of the log group; null when none is used."
}

variable "kms_keys" {
  type = object({
    catalog        = optional(string)
    read           = optional(list(string), [])
    state_machines = optional(string)
  })
  nullable    = false
  default     = {}
  description = "Further KMS keys: of the Data Catalog (`catalog`), to decrypt objects with (`read`), and of the state machines (`state_machines`)."
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
}

variable "role_path" {
  type        = string
  nullable    = false
  default     = "/"
  description = "IAM path of the roles created here."
}

variable "further_policies" {
  type        = list(string)
  nullable    = false
  default     = []
  description = "Policy documents as JSON whose statements a created role gets beside its own."
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
}

variable "log_level" {
  type        = string
  nullable    = false
  default     = "ERROR"
  description = "What the state machine logs: ALL, ERROR, FATAL or OFF."
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
}

variable "create_log_group" {
  type        = bool
  nullable    = false
  default     = true
  description = "Whether to create the log group."
}

variable "log_group_name" {
  type        = string
  default     = null
  description = "The existing log group when `create_log_group` is false; nothing of it is changed."
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
    - `crawler_poll_seconds`: time between two looks at the crawler, default 15; later on half of what the crawl has taken.
    - `overlap_poll_seconds`: time between two looks for older executions, default 60; later on a tenth of the wait so far.
  EOT
}

variable "tags" {
  type        = map(string)
  nullable    = false
  default     = {}
  description = "Tags of everything created here."
}
