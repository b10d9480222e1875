output "start_command" {
  description = "The command that starts an execution."
  value       = module.lake.start_command
}

output "upload_uris" {
  description = "Where the CSV files of each dataset go, in the landing account."
  value       = module.lake.upload_uris
}

output "lake_role_arns" {
  description = "The lake's roles; what the landing account lets in has to be called like these."
  value = {
    job      = module.lake.job_role_arn
    crawler  = module.lake.crawler_role_arn
    workflow = module.lake.workflow_role_arn
  }
}

output "let_in" {
  description = "The roles that the landing account lets in, by what they do."
  value       = local.lake_roles
}
