output "role_arn" {
  description = "Role to assume for querying."
  value       = aws_iam_role.this.arn
}

output "workgroup_name" {
  description = "Athena workgroup to query in."
  value       = module.query.workgroup_name
}

output "results_bucket" {
  description = "Bucket that the results go to."
  value       = module.results.name
}
