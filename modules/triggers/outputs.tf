output "schedule_name" {
  description = "Name of the schedule; null without one."
  value       = one(aws_scheduler_schedule.this[*].name)
}

output "rule_name" {
  description = "Name of the EventBridge rule for uploads; null without one."
  value       = one(aws_cloudwatch_event_rule.upload[*].name)
}

output "collector_arn" {
  description = "ARN of the state machine that turns uploads into executions; null without one."
  value       = one(aws_sfn_state_machine.upload[*].arn)
}
