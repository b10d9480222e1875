variable "name" {
  type        = string
  nullable    = false
  description = "Name of the workgroup."
}

variable "results_uri" {
  type        = string
  nullable    = false
  description = "Where results are written, `s3://bucket/prefix/`."
}

variable "kms_key_arn" {
  type        = string
  default     = null
  description = "KMS key that encrypts the results; null for S3's own keys (SSE-S3)."
}

variable "bytes_scanned_cutoff_mb" {
  type        = number
  nullable    = false
  description = "A query that reads more than this many MB is cancelled."
}

variable "force_destroy" {
  type        = bool
  nullable    = false
  default     = false
  description = "Whether destroy also deletes the workgroup's saved queries and history."
}

variable "tags" {
  type        = map(string)
  nullable    = false
  default     = {}
  description = "Tags of the workgroup."
}
