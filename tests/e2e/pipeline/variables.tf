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
