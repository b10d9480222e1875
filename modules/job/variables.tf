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

variable "artifacts_prefix" {
  type        = string
  nullable    = false
  default     = ""
  description = "Prefix of scripts and contracts in the artifacts bucket: empty, or ending in a slash."
}

variable "kms_key_arn" {
  type        = string
  default     = null
  description = "KMS key of buckets and logs; null when none is used."
}

variable "glue" {
  type = object({
    version                       = string
    worker_type                   = string
    number_of_workers             = number
    autoscaling                   = bool
    execution_class               = string
    timeout_minutes               = number
    max_concurrent_runs           = number
    metrics                       = bool
    log_retention_days            = number
    connections                   = list(string)
    security_configuration        = optional(string)
    create_security_configuration = bool
    additional_python_modules     = list(string)
    default_arguments             = map(string)
  })
  nullable    = false
  description = "Version, size and bounds of the Glue job: the root's `glue`, every default filled in."
}

variable "create_role" {
  type        = bool
  nullable    = false
  default     = true
  description = "Whether to create the role of the job. A switch of its own, because `role_arn` may be unknown while planning."
}

variable "role_arn" {
  type        = string
  default     = null
  description = "The role to use when `create_role` is false."
}

variable "role_path" {
  type        = string
  nullable    = false
  default     = "/"
  description = "IAM path of the role created here."
}

variable "permissions_boundary" {
  type        = string
  default     = null
  description = "ARN of the permissions boundary of the role created here."
}

variable "tags" {
  type        = map(string)
  nullable    = false
  default     = {}
  description = "Tags of everything created here."
}
