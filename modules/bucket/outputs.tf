output "name" {
  description = "Name of the bucket."
  # The argument and not the id: it is known while planning.
  value = aws_s3_bucket.this.bucket

  # Nothing may be written before the bucket is closed, encrypted and versioned: what is there by then stays as it came.
  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-bucket-encryption.html
  depends_on = [
    aws_s3_bucket_public_access_block.this,
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
    aws_s3_bucket_policy.this,
  ]
}

output "arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this.arn
}
