variable "name" {
  type        = string
  description = "Name of this instance, one that nothing else in the account has."
}

variable "glue_version" {
  type        = string
  description = "Glue version of the job."
}
