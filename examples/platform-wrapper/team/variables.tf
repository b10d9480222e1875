variable "name" {
  type        = string
  nullable    = false
  description = "Name of the team, and of its lake."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}$", var.name))
    error_message = "${var.name}.yaml: a team's name has 2 to 20 lower-case letters, digits and hyphens and starts with a letter, since buckets and roles are named after it."
  }
}

variable "settings" {
  type = object({
    datasets = map(object({
      columns        = list(object({ name = string, type = optional(string, "string"), required = optional(bool, false) }))
      partition_keys = optional(list(object({ name = string, type = optional(string, "string") })), [])
      prefix         = optional(string)
      renamed_from   = optional(string)
      schema_drift   = optional(string, "fail")
    }))
    landing        = optional(object({ bucket = string, kms_key_arn = optional(string) }))
    platform_roles = optional(bool, false)
    schedule       = optional(string)
    workers        = optional(number, 2)
  })
  nullable    = false
  description = <<-EOT
    What the team says in its file.
    - `datasets`: its datasets, each with what the module takes: `columns`, `partition_keys`, `prefix`, `renamed_from`,
      `schema_drift`.
    - `landing`: an existing bucket that its CSV files lie in, with the key they are under if there is one; default none, a
      bucket is created.
    - `platform_roles`: whether the platform creates the roles of its lake, default false, the module does.
    - `schedule`: when its lake is brought up to date, such as `rate(1 hour)`; default never by itself.
    - `workers`: most workers of a run, default 2.
  EOT

  validation {
    condition     = var.settings.workers <= 10
    error_message = "${var.name}.yaml: workers must be at most 10; ask the platform team for more."
  }
}

variable "path" {
  type        = string
  nullable    = false
  description = "IAM path of the roles."
}

variable "permissions_boundary" {
  type        = string
  nullable    = false
  description = "ARN of the roles' permissions boundary."
}

variable "on_call_topic_arn" {
  type        = string
  default     = null
  description = "SNS topic that is told when an execution ends badly; nobody by default."
}

variable "keep_data" {
  type        = bool
  nullable    = false
  description = "Whether the buckets refuse to be destroyed."
}
