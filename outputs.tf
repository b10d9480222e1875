output "state_machine_arn" {
  description = "ARN of the state machine."
  value       = module.workflow.state_machine_arn
}

output "raw_bucket" {
  description = "Bucket the CSV files are uploaded to."
  value       = module.raw_bucket.name
}

output "lake_bucket" {
  description = "Bucket of the Parquet tables, quarantine, manifests and reports."
  value       = module.lake_bucket.name
}

output "artifacts_bucket" {
  description = "Bucket of the scripts and contracts."
  value       = module.artifacts_bucket.name
}

output "database_name" {
  description = "Glue database of all tables and views."
  value       = module.catalog.database_name
}

output "athena_workgroup" {
  description = "Athena workgroup to query with."
  value       = module.query.workgroup_name
}

output "glue_job_name" {
  description = "Name of the Glue job."
  value       = module.job.job_name
}

output "job_role_arn" {
  description = "ARN of the Glue job's role."
  value       = module.job.role_arn
}

output "workflow_role_arn" {
  description = "ARN of the state machine's role."
  value       = module.workflow.role_arn
}

output "start_command" {
  description = "The command that starts an execution."
  value       = "aws stepfunctions start-execution --state-machine-arn ${module.workflow.state_machine_arn}"
}
