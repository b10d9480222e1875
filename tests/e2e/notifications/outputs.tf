output "state_machine_arn" {
  description = "ARN of the state machine that fails."
  value       = aws_sfn_state_machine.this.arn
}

output "queue_urls" {
  description = "The queue that hears each topic."
  value       = { for name, queue in aws_sqs_queue.this : name => queue.url }
}
