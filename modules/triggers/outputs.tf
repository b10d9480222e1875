output "schedule_name" {
  description = "Name of the schedule; null without one."
  value       = one(aws_scheduler_schedule.this[*].name)
}

output "dataset_schedule_names" {
  description = "Names of the datasets' own schedules, by dataset."
  value       = { for dataset, schedule in aws_scheduler_schedule.dataset : dataset => schedule.name }
}

output "rule_name" {
  description = "Name of the EventBridge rule for uploads; null without one."
  value       = one(aws_cloudwatch_event_rule.upload[*].name)
}

output "collector_arn" {
  description = "ARN of the state machine that turns uploads into executions; null without one."
  value       = one(aws_sfn_state_machine.upload[*].arn)
}

output "dead_letter_queue_name" {
  description = "Name of the queue of what could not be delivered; null without one."
  value       = var.dead_letters ? local.dead_letter_queue : null
}

output "dead_letter_queue_url" {
  description = "URL of that queue; null without one."
  value       = one(aws_sqs_queue.dead_letters[*].url)
}
