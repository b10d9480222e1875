output "state_machine_arn" {
  description = "ARN of the state machine."
  value       = module.flights_lake.state_machine_arn
}

output "raw_bucket" {
  description = "Bucket the CSV files are uploaded to."
  value       = module.flights_lake.raw_bucket
}

output "lake_bucket" {
  description = "Bucket of the Parquet tables."
  value       = module.flights_lake.lake_bucket
}

output "database_name" {
  description = "Glue database of tables and views."
  value       = module.flights_lake.database_name
}

output "athena_workgroup" {
  description = "Athena workgroup to query with."
  value       = module.flights_lake.athena_workgroup
}

output "job_role_arn" {
  description = "ARN of the Glue job's role."
  value       = module.flights_lake.job_role_arn
}
