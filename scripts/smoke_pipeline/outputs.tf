output "state_machine_arn" {
  description = "ARN of the state machine."
  value       = module.lake.state_machine_arn
}

output "probe_arn" {
  description = "ARN of the state machine that shows results of SDK calls as they are."
  value       = aws_sfn_state_machine.probe.arn
}

output "raw_bucket" {
  description = "Bucket the CSV files are uploaded to."
  value       = module.lake.raw_bucket
}

output "artifacts_bucket" {
  description = "Bucket of scripts and contracts."
  value       = module.lake.artifacts_bucket
}

output "database_name" {
  description = "Glue database of tables and views."
  value       = module.lake.database_name
}

output "athena_workgroup" {
  description = "Athena workgroup to query with."
  value       = module.lake.athena_workgroup
}

output "glue_job_name" {
  description = "Name of the Glue job."
  value       = module.lake.glue_job_name
}

output "log_group_names" {
  description = "Log groups of the state machine and of the Glue job."
  value       = module.lake.log_group_names
}

output "topic_arn" {
  description = "Topic of failed executions."
  value       = module.lake.notification_topic_arn
}
