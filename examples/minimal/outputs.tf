output "raw_bucket" {
  description = "Bucket the CSV files are uploaded to, below `orders/`."
  value       = module.orders_lake.raw_bucket
}

output "start_command" {
  description = "The command that starts an execution."
  value       = module.orders_lake.start_command
}

output "state_machine_arn" {
  description = "ARN of the state machine."
  value       = module.orders_lake.state_machine_arn
}

output "database_name" {
  description = "Glue database of tables and views."
  value       = module.orders_lake.database_name
}

output "athena_workgroup" {
  description = "Athena workgroup to query with."
  value       = module.orders_lake.athena_workgroup
}
