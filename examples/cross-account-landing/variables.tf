variable "name" {
  type        = string
  nullable    = false
  default     = "orders"
  description = "Name of the lake, after which its roles are called."
}

variable "landing_bucket" {
  type        = string
  nullable    = false
  default     = "acme-orders-landing"
  description = "Bucket of the landing account that the CSV files lie in."
}

variable "landing_role_arn" {
  type        = string
  nullable    = false
  description = "Role of the landing account to apply its side with."
}
