variable "teams_folder" {
  type        = string
  default     = null
  description = "Folder of the teams' files, `<team>.yaml`; default `teams` beside this configuration."
}

variable "on_call_topic_arn" {
  type        = string
  default     = null
  description = "Existing SNS topic that is told when an execution ends badly; nobody by default."
}

variable "keep_data" {
  type        = bool
  nullable    = false
  default     = true
  description = "Whether the buckets refuse to be destroyed."
}
