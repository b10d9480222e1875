output "topic_arn" {
  description = "ARN of the topic, created or brought."
  value       = local.topic_arn
}

output "rule_arn" {
  description = "ARN of the rule."
  value       = aws_cloudwatch_event_rule.this.arn
}
