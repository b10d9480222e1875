data "aws_partition" "current" {}

locals {
  # Put together from the argument, so that the policy can be read in the plan.
  arn = "arn:${data.aws_partition.current.partition}:s3:::${aws_s3_bucket.this.bucket}"
}

resource "aws_s3_bucket" "this" {
  # The reasons of the skipped checks are in docs/security.md.
  # checkov:skip=CKV_AWS_144:Everything here can be made again from the CSV files; replication is the owner's choice for the raw bucket.
  # checkov:skip=CKV2_AWS_62:Uploads are found by the listing of every execution; a bucket without a trigger has nobody to notify.
  bucket        = var.name
  force_destroy = var.force_destroy
  tags          = var.tags

  lifecycle {
    # A name that is unknown while planning, because the module's caller waits for something, would count as another one,
    # and Terraform would plan to replace the bucket: https://github.com/hashicorp/terraform-provider-aws/issues/43306
    ignore_changes = [bucket]

    postcondition {
      condition     = self.bucket == var.name
      error_message = "The bucket ${self.bucket} would have to become ${var.name}, and S3 renames no bucket: go back to the old name or region, or make the bucket a brought one as docs/upgrading.md says, copy its data to another one, and bring that."
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket = aws_s3_bucket.this.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# No object ever belongs to the account that uploaded it: https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }

  # Two changes of a bucket's access settings at a time are refused as conflicting.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    # One data key per bucket and not one request to KMS per object:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_versioning" "this" {
  count = var.versioning ? 1 : 0

  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_logging" "this" {
  count = var.access_logs.enabled ? 1 : 0

  bucket        = aws_s3_bucket.this.id
  target_bucket = var.access_logs.bucket
  target_prefix = "${var.access_logs.prefix}${aws_s3_bucket.this.bucket}/"
}

data "aws_iam_policy_document" "this" {
  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
  statement {
    sid       = "RefuseWithoutTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local.arn, "${local.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  # Terraform destroys what closes a bucket before it tries the bucket, which S3 refuses while there is data in it. The
  # policy is the first of them, so the refusal has to come there, and everything stays as it is. The account's root user
  # is not bound by it: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketPolicy.html
  dynamic "statement" {
    for_each = var.force_destroy ? [] : [true]

    content {
      sid       = "KeepUntilForceDestroy"
      effect    = "Deny"
      actions   = ["s3:DeleteBucket", "s3:DeleteBucketPolicy"]
      resources = [local.arn]

      principals {
        type        = "*"
        identifiers = ["*"]
      }
    }
  }
}

# Created last of what closes the bucket, and so the first to be destroyed.
resource "aws_s3_bucket_policy" "this" {
  count = var.require_tls ? 1 : 0

  bucket = aws_s3_bucket.this.id
  policy = data.aws_iam_policy_document.this.json

  depends_on = [
    aws_s3_bucket_public_access_block.this,
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
    aws_s3_bucket_logging.this,
  ]
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  count = var.lifecycle_rules.enabled ? 1 : 0

  bucket = aws_s3_bucket.this.id

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = var.lifecycle_rules.unfinished_upload_days
    }
  }

  dynamic "rule" {
    for_each = var.versioning ? [var.lifecycle_rules.noncurrent_version_days] : []

    content {
      id     = "old-versions"
      status = "Enabled"

      filter {}

      noncurrent_version_expiration {
        noncurrent_days = rule.value
      }

      # Without versions left, the marker of a deleted object only slows listings down.
      expiration {
        expired_object_delete_marker = true
      }
    }
  }

  dynamic "rule" {
    for_each = var.expire

    content {
      id     = "expire-${trimsuffix(rule.key, "/")}"
      status = "Enabled"

      filter {
        prefix = rule.key
      }

      expiration {
        days = rule.value
      }
    }
  }

  # Rules for old versions want versioning to be on.
  depends_on = [aws_s3_bucket_versioning.this]
}
