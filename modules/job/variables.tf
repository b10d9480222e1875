variable "name" {
  type        = string
  nullable    = false
  description = "Name of the instance; the job and its role are named after it."
}

variable "database_name" {
  type        = string
  nullable    = false
  description = "Glue database of the tables."
}

variable "datasets" {
  type = map(object({
    prefix            = string
    raw_table         = string
    parquet_table     = string
    quarantine_table  = string
    crawler_name      = optional(string)
    partition_keys    = list(object({ name = string, type = string }))
    partition_pattern = optional(string)
    columns = list(object({
      name     = string
      type     = string
      source   = optional(string)
      required = bool
      format   = optional(string)
      comment  = string
    }))
    csv = object({
      delimiter        = string
      quote            = optional(string)
      escape           = optional(string)
      header           = bool
      encoding         = string
      null_values      = list(string)
      comment          = optional(string)
      date_format      = optional(string)
      timestamp_format = optional(string)
      quoted_newlines  = bool
      trim             = bool
    })
    schema_drift            = string
    max_bad_fraction        = number
    max_bad_rows            = optional(number)
    on_source_removed       = string
    on_unmatched            = string
    on_contract_change      = string
    target_file_mb          = number
    retain_superseded_hours = number
  }))
  nullable    = false
  description = "The datasets by name, every default filled in."
}

variable "raw_bucket" {
  type        = string
  nullable    = false
  description = "Bucket of the CSV files."
}

variable "lake_bucket" {
  type        = string
  nullable    = false
  description = "Bucket of tables, quarantine, manifests and reports."
}

variable "artifacts_bucket" {
  type        = string
  nullable    = false
  description = "Bucket that gets the scripts and contracts."
}

variable "glue" {
  type = object({
    version             = string
    worker_type         = string
    number_of_workers   = number
    timeout_minutes     = number
    max_concurrent_runs = number
  })
  nullable    = false
  description = "Version, size and bounds of the Glue job."
}

variable "tags" {
  type        = map(string)
  nullable    = false
  description = "Tags of everything created here."
}
