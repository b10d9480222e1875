variable "global_suffix" {
  type        = string
  default     = ""
  description = "What tells the second instance's roles and dashboard from the first's."
}
