output "state_machine_arn" {
  description = "ARN of the state machine."
  value       = module.lake.state_machine_arn
}

output "raw_bucket" {
  description = "Bucket the CSV files are uploaded to."
  value       = module.lake.raw_bucket
}

output "lake_bucket" {
  description = "Bucket of tables and reports."
  value       = module.lake.lake_bucket
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

output "crawler_name" {
  description = "Name of the only crawler."
  value       = module.lake.crawler_names["products"]
}

output "role_arns" {
  description = "Roles by what acts with them."
  value = {
    job      = module.lake.job_role_arn
    crawler  = module.lake.crawler_role_arn
    workflow = module.lake.workflow_role_arn
  }
}

output "access_policies" {
  description = "What strangers need to be allowed, by what they do."
  value = {
    consumer        = module.lake.consumer_policy
    orders_consumer = module.lake.consumer_policies["orders"]
    uploader        = module.lake.uploader_policy
    orders_uploader = module.lake.uploader_policies["orders"]
  }
}
