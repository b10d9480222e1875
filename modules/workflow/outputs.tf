output "state_machine_arn" {
  description = "ARN of the state machine."
  value       = aws_sfn_state_machine.this.arn
}

output "state_machine_name" {
  description = "Name of the state machine."
  value       = aws_sfn_state_machine.this.name
}

output "listing_arn" {
  description = "ARN of the Express state machine that lists S3."
  value       = aws_sfn_state_machine.listing.arn
}

output "role_arn" {
  description = "ARN of the role the state machine acts with, created or brought."
  value       = local.role_arn
}

output "log_group_name" {
  description = "Log group of the state machine."
  value       = local.log_group_name
}

output "definition" {
  description = "The rendered definition; it can be pasted into Workflow Studio."
  value       = local.definition
}

output "history_events" {
  description = "How many events the history of the longest execution may come to, listings of more than 25,000 objects and repeated calls left out; Step Functions ends an execution at 25,000."
  value       = local.history
}

output "role_policy" {
  description = "What the role is allowed, as JSON."
  value       = data.aws_iam_policy_document.this.json
}

output "role_trust_policy" {
  description = "Who may assume the role, as JSON."
  value       = data.aws_iam_policy_document.assume.json
}
