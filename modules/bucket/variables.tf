variable "name" {
  type        = string
  nullable    = false
  description = "Name of the bucket."
}

variable "require_tls" {
  type        = bool
  nullable    = false
  description = "Whether requests without TLS are refused."
}

variable "lifecycle_rules" {
  type        = bool
  nullable    = false
  description = "Whether unfinished uploads, and what `expire` names, are removed."
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
  description = "Whether destroy also deletes the objects."
}

variable "tags" {
  type        = map(string)
  nullable    = false
  description = "Tags of the bucket."
}
