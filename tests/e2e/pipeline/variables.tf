variable "on_overlap" {
  type        = string
  default     = "wait"
  description = "What an execution does while an older one is running."
}

variable "more_views" {
  type        = list(object({ name = string, sql = string }))
  default     = []
  description = "Views after the pipeline's own."
}

variable "schedule" {
  type        = object({ expression = string, timezone = optional(string, "UTC") })
  default     = null
  description = "When to start an execution by the clock."
}

variable "regions_schedule" {
  type        = object({ expression = string, timezone = optional(string, "UTC") })
  default     = null
  description = "When to start an execution of one dataset by the clock."
}

variable "trigger_on_upload" {
  type        = object({ window_seconds = number })
  default     = null
  description = "Whether uploads start an execution."
}
