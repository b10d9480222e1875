variable "name" {
  type        = string
  nullable    = false
  default     = "analysts"
  description = "Name of workgroup and role, and the beginning of the results bucket's."
}

variable "lake" {
  type = object({
    database_name = string
    datasets      = map(object({ prefix = string, folder = string, tables = list(string) }))
    views         = list(string)
    raw_bucket    = string
    lake_bucket   = string
    key_arns      = list(string)
  })
  nullable    = false
  description = "What the lake's owner hands out: the output `access` of the module, or one of `lakes` of the example platform-wrapper."
}

variable "only" {
  type        = set(string)
  default     = null
  description = "Datasets that may be read; default all, and the views over several of them."

  validation {
    condition     = length(setsubtract(coalesce(var.only, []), keys(var.lake.datasets))) == 0
    error_message = "only must name datasets of the lake: ${join(", ", keys(var.lake.datasets))}."
  }
}

variable "assumed_by" {
  type        = list(string)
  nullable    = false
  description = "ARNs of who queries, such as the role of a permission set or of a tool."
}

variable "bytes_scanned_cutoff_mb" {
  type        = number
  nullable    = false
  default     = 10240
  description = "A query that reads more than this many MB is cancelled."
}
