variable "name" {
  type        = string
  nullable    = false
  description = "Name of this instance; everything it creates is named after it."

  validation {
    # The longest name derived from it is the artifacts bucket's, of which S3 allows 63 characters.
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 24 lower-case letters, digits and hyphens, start with a letter and not end with a hyphen."
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
    - `partition_pattern`: a regular expression over the key below the prefix whose named groups are the partition keys.
    - `columns`: the columns of the Parquet table. `source` is the name in the file's header, default the column's name;
      `required` sends rows without a value to quarantine; `format` is a strptime format for date and timestamp. Types:
      string, boolean, int, bigint, float, double, decimal(p,s), date, timestamp. Without columns a crawler finds them.
    - `csv`: how the files are written, see docs/csv.md.
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
    condition     = alltrue([for dataset in keys(var.datasets) : can(regex("^[a-z][a-z0-9_]{0,99}$", dataset))])
    error_message = "A dataset name starts with a lower-case letter and holds lower-case letters, digits and underscores only."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : length(setintersection(dataset.partition_keys[*].name, dataset.columns[*].name)) == 0
    ])
    error_message = "A partition key must not also be a column: its value comes from the folder or the key, so give it a name of its own."
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
}

variable "database_name" {
  type        = string
  default     = null
  description = "Name of the Glue database; default `name` with underscores for hyphens."
}

variable "require_tls" {
  type        = bool
  nullable    = false
  default     = true
  description = "Whether the buckets refuse requests without TLS. Only an endpoint that speaks plain HTTP needs false."
}

variable "lifecycle_rules" {
  type        = bool
  nullable    = false
  default     = true
  description = "Whether Athena results and unfinished uploads are removed from the lake bucket after seven days."
}

variable "force_destroy" {
  type        = bool
  nullable    = false
  default     = false
  description = "Whether destroy also deletes the objects in the buckets."
}

variable "glue" {
  type = object({
    version             = optional(string, "5.1")
    worker_type         = optional(string, "G.1X")
    number_of_workers   = optional(number, 2)
    timeout_minutes     = optional(number, 120)
    max_concurrent_runs = optional(number, 4)
  })
  nullable    = false
  default     = {}
  description = <<-EOT
    The Glue job.
    - `version`: 5.0, 5.1 (default) or 6.0.
    - `worker_type`, `number_of_workers`: default two G.1X.
    - `timeout_minutes`: default 120.
    - `max_concurrent_runs`: how many datasets convert at a time, default 4.
  EOT
}

variable "athena" {
  type        = object({ bytes_scanned_cutoff_mb = optional(number, 102400) })
  nullable    = false
  default     = {}
  description = <<-EOT
    The Athena workgroup.
    - `bytes_scanned_cutoff_mb`: a query that reads more than this is cancelled, default 102400.
  EOT
}

variable "workflow" {
  type = object({
    max_concurrency        = optional(number, 4)
    log_level              = optional(string, "ERROR")
    include_execution_data = optional(bool, false)
    log_retention_days     = optional(number, 90)
    tracing                = optional(bool, false)
  })
  nullable    = false
  default     = {}
  description = <<-EOT
    The state machine.
    - `max_concurrency`: datasets processed at a time, default 4.
    - `log_level`: ALL, ERROR (default), FATAL or OFF.
    - `include_execution_data`: whether inputs and outputs are logged, default false.
    - `log_retention_days`: default 90.
    - `tracing`: X-Ray, default false.
  EOT
}

variable "tags" {
  type        = map(string)
  nullable    = false
  default     = {}
  description = "Tags of everything created here."
}
