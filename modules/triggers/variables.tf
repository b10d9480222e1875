variable "name" {
  type        = string
  nullable    = false
  description = "Name of the pipeline; what is created here is named after it."
}

variable "global_suffix" {
  type        = string
  nullable    = false
  default     = ""
  description = "What is appended to the names of the roles, which an account has once over all regions."
}

variable "state_machine_arn" {
  type        = string
  nullable    = false
  description = "The state machine to start."
}

variable "schedule" {
  type = object({
    expression     = string
    timezone       = optional(string, "UTC")
    enabled        = optional(bool, true)
    window_minutes = optional(number, 0)
  })
  default     = null
  description = <<-EOT
    When to start an execution by the clock; null for never.
    - `expression`: `rate(1 hour)`, `cron(0 6 * * ? *)` or `at(2026-01-31T12:00:00)`.
    - `timezone`: the IANA name of the time zone of a cron or at expression, default UTC.
    - `enabled`: false keeps the schedule and stops it from firing, default true.
    - `window_minutes`: how much later than due it may start, 0 for at once, at most 1440, default 0.
  EOT
}

variable "dataset_schedules" {
  type = map(object({
    expression     = string
    timezone       = optional(string, "UTC")
    enabled        = optional(bool, true)
    window_minutes = optional(number, 0)
  }))
  nullable    = false
  default     = {}
  description = <<-EOT
    When to start an execution of one dataset alone, by the clock, by dataset name.
    - `expression`, `timezone`, `enabled`, `window_minutes`: as in `schedule`.
  EOT
}

variable "on_upload" {
  type = object({
    window_seconds       = optional(number, 60)
    manage_notifications = optional(bool, true)
  })
  default     = null
  description = <<-EOT
    Whether uploads start an execution; null for no.
    - `window_seconds`: uploads within the same window start one execution, after its end, default 60.
    - `manage_notifications`: whether EventBridge notifications of the buckets are turned on here, default true. A
      bucket has one notification configuration, which true replaces as a whole: leave that to the owner of a bucket
      (false).
  EOT
}

variable "sources" {
  type = map(object({
    bucket = string
    prefix = string
  }))
  nullable    = false
  description = "Where the CSV files of each dataset arrive, by dataset name."
}

variable "source_buckets" {
  type        = map(string)
  nullable    = false
  description = "The buckets of `sources` by keys known while planning, for example `{ raw = module.raw_bucket.name }`."
}

variable "dead_letters" {
  type        = bool
  nullable    = false
  default     = false
  description = "Whether a queue keeps what the schedule and the rule could not deliver."
}

variable "kms_key_arn" {
  type        = string
  default     = null
  description = "KMS key of the log group; null when none is used."
}

variable "state_machine_key_arn" {
  type        = string
  default     = null
  description = "KMS key of the state machine to start and of the one that collects uploads; null when none is used."
}

variable "role_path" {
  type        = string
  nullable    = false
  default     = "/"
  description = "IAM path of the roles created here."
}

variable "permissions_boundary" {
  type        = string
  default     = null
  description = "ARN of the permissions boundary of the roles created here."
}

variable "log_retention_days" {
  type        = number
  nullable    = false
  default     = 90
  description = "How long the log group keeps its events."
}

variable "create_log_group" {
  type        = bool
  nullable    = false
  default     = true
  description = "Whether to create the log group of the upload trigger."
}

variable "log_group_name" {
  type        = string
  default     = null
  description = "The existing log group when `create_log_group` is false; nothing of it is changed."
}

variable "tags" {
  type        = map(string)
  nullable    = false
  default     = {}
  description = "Tags of everything created here."
}
