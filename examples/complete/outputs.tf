output "upload_uris" {
  description = "Where the CSV files of each dataset go."
  value       = module.shop_lake.upload_uris
}

output "raw_bucket" {
  description = "Bucket the CSV files are uploaded to."
  value       = module.shop_lake.raw_bucket
}

output "start_command" {
  description = "The command that starts an execution."
  value       = module.shop_lake.start_command
}

output "console_url" {
  description = "The state machine in the AWS console."
  value       = module.shop_lake.console_url
}

output "dashboard_url" {
  description = "The dashboard in the AWS console."
  value       = module.shop_lake.dashboard_url
}

output "state_machine_arn" {
  description = "ARN of the state machine."
  value       = module.shop_lake.state_machine_arn
}

output "database_name" {
  description = "Glue database of tables and views."
  value       = module.shop_lake.database_name
}

output "athena_workgroup" {
  description = "Athena workgroup to query with."
  value       = module.shop_lake.athena_workgroup
}

output "job_role_arn" {
  description = "ARN of the Glue job's role."
  value       = module.shop_lake.job_role_arn
}

output "crawler_role_arn" {
  description = "ARN of the crawlers' role."
  value       = module.shop_lake.crawler_role_arn
}

output "workflow_role_arn" {
  description = "ARN of the state machine's role."
  value       = module.shop_lake.workflow_role_arn
}
