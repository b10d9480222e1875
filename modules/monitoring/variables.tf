variable "name" {
  type        = string
  nullable    = false
  description = "Name of the instance; dashboard and alarms are named after it."
}

variable "global_suffix" {
  type        = string
  nullable    = false
  default     = ""
  description = "What is appended to the name of the dashboard, which an account has once over all regions."
}

variable "state_machine_arn" {
  type        = string
  nullable    = false
  description = "State machine that is watched."
}

variable "database_name" {
  type        = string
  nullable    = false
  description = "Glue database, a dimension of the job's metrics."
}

variable "datasets" {
  type        = set(string)
  nullable    = false
  description = "Names of the datasets, a dimension of the job's metrics."
}

variable "dpus" {
  type        = number
  nullable    = false
  description = "Data processing units of a run of the job: workers times DPU per worker."
}

variable "dashboard" {
  type        = bool
  nullable    = false
  default     = true
  description = "Whether to create the dashboard."
}

variable "alarms" {
  type        = bool
  nullable    = false
  default     = true
  description = "Whether to create the alarms."
}

variable "no_success_hours" {
  type        = number
  default     = null
  description = "Alarm when no execution has succeeded for so many hours; null for none."
}

variable "notify" {
  type        = bool
  nullable    = false
  default     = false
  description = "Whether alarms send messages to `topic_arn`. A switch of its own, because the ARN may be unknown while planning."
}

variable "topic_arn" {
  type        = string
  default     = null
  description = "SNS topic of the messages."
}

variable "alarm_actions" {
  type        = list(string)
  nullable    = false
  default     = []
  description = "ARNs of what every alarm starts beside the messages to `topic_arn`."
}

variable "dead_letters" {
  type        = bool
  nullable    = false
  default     = false
  description = "Whether an alarm watches `dead_letter_queue`. A switch of its own, because the name may be unknown while planning."
}

variable "dead_letter_queue" {
  type        = string
  default     = null
  description = "Name of the queue of what schedule and rule could not deliver."
}

variable "tags" {
  type        = map(string)
  nullable    = false
  default     = {}
  description = "Tags of the alarms; a dashboard has none."
}
