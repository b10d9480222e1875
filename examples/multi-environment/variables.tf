variable "environment" {
  type        = string
  nullable    = false
  description = "dev or prod; every name holds it, so that both fit into one account."

  validation {
    condition     = contains(["dev", "prod"], var.environment)
    error_message = "environment must be dev or prod."
  }
}

variable "workers" {
  type        = number
  nullable    = false
  description = "Most workers of a run of the Glue job."
}

variable "emails" {
  type        = set(string)
  nullable    = false
  default     = []
  description = "Who is told when an execution ends badly; nobody by default."
}

variable "keep_data" {
  type        = bool
  nullable    = false
  default     = true
  description = "Whether the buckets refuse to be destroyed."
}
