output "state_machine_arn" {
  description = "ARN of the state machine that fails."
  value       = aws_sfn_state_machine.this.arn
}

output "topic_arns" {
  description = "The topics, by their keys."
  value       = { for name, notifications in module.notifications : name => notifications.topic_arn }
}
