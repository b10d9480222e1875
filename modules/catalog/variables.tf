variable "name" {
  type        = string
  nullable    = false
  description = "Name of the instance; the crawlers' role is named after it."
}

variable "global_suffix" {
  type        = string
  nullable    = false
  default     = ""
  description = "What is appended to the name of the role, which an account has once over all regions."
}

variable "create_database" {
  type        = bool
  nullable    = false
  default     = true
  description = "Whether to create the Glue database."
}

variable "database_name" {
  type        = string
  nullable    = false
  description = "Name of the Glue database, created here or brought."
}

variable "raw_bucket" {
  type        = string
  nullable    = false
  description = "Bucket of the CSV files."
}

variable "crawled" {
  type = map(object({
    crawler_name = string
    prefix       = string
    csv          = object({ delimiter = string, quote = optional(string), header = bool })
  }))
  nullable    = false
  default     = {}
  description = <<-EOT
    The datasets whose columns a crawler finds, by name.
    - `crawler_name`: name of the crawler and of its classifier.
    - `prefix`: folder of the CSV files, ending in the dataset's name.
    - `csv`: what the classifier has to know about the files.
  EOT
}

variable "create_role" {
  type        = bool
  nullable    = false
  default     = true
  description = "Whether to create the role of the crawlers. A switch of its own, because `role_arn` may be unknown while planning."
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

variable "kms_key_arn" {
  type        = string
  default     = null
  description = "KMS key of the raw bucket; null when none is used."
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

variable "security_configuration" {
  type        = string
  default     = null
  description = "Name of the Glue security configuration of the crawlers; null for none."
}

variable "tags" {
  type        = map(string)
  nullable    = false
  default     = {}
  description = "Tags of everything created here."
}
