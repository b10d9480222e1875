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

variable "bytes_scanned_cutoff_mb" {
  type        = number
  nullable    = false
  description = "A query that reads more than this many MB is cancelled."
}

variable "force_destroy" {
  type        = bool
  nullable    = false
  description = "Whether destroy also deletes the workgroup's saved queries and history."
}

variable "tags" {
  type        = map(string)
  nullable    = false
  description = "Tags of the workgroup."
}
