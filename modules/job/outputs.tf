output "job_name" {
  description = "Name of the Glue job."
  value       = aws_glue_job.this.name

  # Whoever starts the job needs its role to be usable and its modules and contracts to be there.
  depends_on = [aws_iam_role_policy.this, aws_s3_object.script, aws_s3_object.contract]
}

output "job_arn" {
  description = "ARN of the Glue job."
  value       = aws_glue_job.this.arn
}

output "role_arn" {
  description = "ARN of the job's role, created or brought."
  value       = local.role_arn
}

output "contract_keys" {
  description = "Keys of the contract files in the artifacts bucket, by dataset."
  value       = { for name, object in aws_s3_object.contract : name => object.key }
}

output "log_group_names" {
  description = "Log groups of the job."
  value       = [for kind in ["error", "output"] : "${local.log_prefix}/${kind}"]
}

output "security_configuration" {
  description = "Name of the Glue security configuration, created or brought; null for none."
  value       = local.security_configuration
}

output "role_policy" {
  description = "What the job's role is allowed, as JSON."
  value       = data.aws_iam_policy_document.this.json
}

output "role_trust_policy" {
  description = "Who may assume the job's role, as JSON."
  value       = data.aws_iam_policy_document.assume.json
}
