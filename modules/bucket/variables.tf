variable "name" {
  type        = string
  nullable    = false
  description = "Name of the bucket."
}

variable "kms_key_arn" {
  type        = string
  default     = null
  description = "KMS key that encrypts the objects; null for S3's own keys (SSE-S3)."
}

variable "versioning" {
  type        = bool
  nullable    = false
  default     = false
  description = "Whether overwritten and deleted objects are kept as old versions."
}

variable "require_tls" {
  type        = bool
  nullable    = false
  default     = true
  description = "Whether requests without TLS are refused. Without, the bucket has no policy, and none that keeps it from being destroyed."
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
    Server access logs.
    - `enabled`: whether requests are logged, default false.
    - `bucket`, `prefix`: where the logs go; the bucket's name is added to the prefix.
  EOT
}

variable "lifecycle_rules" {
  type = object({
    enabled                 = optional(bool, true)
    unfinished_upload_days  = optional(number, 7)
    noncurrent_version_days = optional(number, 30)
  })
  nullable    = false
  default     = {}
  description = <<-EOT
    What is removed by itself.
    - `enabled`: whether there are rules at all, default true.
    - `unfinished_upload_days`: parts of uploads that were never completed, default 7.
    - `noncurrent_version_days`: old versions of a versioned bucket, default 30.
  EOT
}

variable "expire" {
  type        = map(number)
  nullable    = false
  default     = {}
  description = "Days after which the objects below a prefix are removed."
}

variable "force_destroy" {
  type        = bool
  nullable    = false
  default     = false
  description = "Whether the bucket may be destroyed, with the objects in it; if not, its policy refuses that to everybody but the account's root user."
}

variable "tags" {
  type        = map(string)
  nullable    = false
  default     = {}
  description = "Tags of the bucket."
}
