variable "name" {
  type        = string
  nullable    = false
  description = "Name of the instance; topic and rule are named after it."
}

variable "create_topic" {
  type        = bool
  nullable    = false
  default     = true
  description = "Whether to create the topic. A switch of its own, because `topic_arn` may be unknown while planning."
}

variable "topic_arn" {
  type        = string
  default     = null
  description = "The topic to use when `create_topic` is false."
}

variable "chat" {
  type        = bool
  nullable    = false
  default     = false
  description = "Whether messages also go to `chat_topic_arn`. A switch of its own, because the ARN may be unknown while planning."
}

variable "chat_topic_arn" {
  type        = string
  default     = null
  description = "Topic of a chat channel, whose policy lets EventBridge publish."
}

variable "emails" {
  type        = set(string)
  nullable    = false
  default     = []
  description = "Addresses that are subscribed to a created topic."
}

variable "state_machine_arn" {
  type        = string
  nullable    = false
  description = "State machine whose executions are watched."
}

variable "start_command" {
  type        = string
  nullable    = false
  description = "The command that starts an execution, for the message."
}

variable "console_url" {
  type        = string
  nullable    = false
  description = "Address of the console, without a slash at the end."
}

variable "kms_key_arn" {
  type        = string
  default     = null
  description = "KMS key that encrypts the topic; null for none."
}

variable "tags" {
  type        = map(string)
  nullable    = false
  default     = {}
  description = "Tags of topic and rule."
}
