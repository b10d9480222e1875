variable "name" {
  type        = string
  nullable    = false
  description = "Name of the instance; the job and its role are named after it."
}

variable "global_suffix" {
  type        = string
  nullable    = false
  default     = ""
  description = "What is appended to the name of the role, which an account has once over all regions."
}

variable "database_name" {
  type        = string
  nullable    = false
  description = "Glue database of the tables."
}

variable "contracts" {
  type        = map(string)
  nullable    = false
  description = "The contract of each dataset, as JSON, by dataset name."
}

variable "tables" {
  type        = list(string)
  nullable    = false
  description = "Names of the tables that the job reads and publishes."
}

variable "source_prefixes" {
  type        = list(string)
  nullable    = false
  description = "Folders of the CSV files in the raw bucket, each ending in a slash."
}

variable "scripts_folder" {
  type        = string
  nullable    = false
  description = "Folder of the job's Python files, csv_to_parquet.py among them."
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

variable "kms_keys" {
  type = object({
    catalog = optional(string)
    read    = optional(list(string), [])
  })
  nullable    = false
  default     = {}
  description = "Further KMS keys: of the Data Catalog (`catalog`), and to decrypt objects with (`read`)."
}

variable "glue" {
  type = object({
    version                       = string
    worker_type                   = string
    number_of_workers             = number
    autoscaling                   = bool
    spark_from_mb                 = number
    execution_class               = string
    timeout_minutes               = number
    max_concurrent_runs           = number
    metrics                       = bool
    log_retention_days            = number
    create_log_groups             = optional(bool, true)
    log_group_prefix              = optional(string)
    connections                   = list(string)
    security_configuration        = optional(string)
    create_security_configuration = bool
    additional_python_modules     = list(string)
    default_arguments             = map(string)
  })
  nullable    = false
  description = "Version, size and bounds of the Glue job: the root's `glue`, every default filled in."
}

variable "task_slots" {
  type        = number
  nullable    = false
  description = "How many tasks all workers of a run can do at the same time: the vCPUs of all but the driver's."
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

variable "further_policies" {
  type        = list(string)
  nullable    = false
  default     = []
  description = "Policy documents as JSON whose statements a created role gets beside its own."
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
