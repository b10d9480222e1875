output "job_name" {
  description = "Name of the Glue job."
  value       = aws_glue_job.this.name

  # Whoever starts the job needs its role to be usable and its modules to be there.
  depends_on = [aws_iam_role_policy.this, aws_s3_object.script]
}

output "role_arn" {
  description = "ARN of the job's role."
  value       = aws_iam_role.this.arn
}

output "contract_keys" {
  description = "Keys of the contract files in the artifacts bucket, by dataset."
  value       = { for name, object in aws_s3_object.contract : name => object.key }
}
