variable "name" {
  type        = string
  nullable    = false
  default     = "shop-complete"
  description = "Name of the instance."
}

variable "emails" {
  type        = set(string)
  nullable    = false
  default     = ["data-platform@example.com"]
  description = "Who is told when an execution ends badly."
}
