# The landing account, which may be a stack of its own: all that it has to know of the lake are its account and its name. With
# both accounts in one state it is also shown that nothing waits for itself.
provider "aws" {
  alias = "landing"

  assume_role {
    role_arn = var.landing_role_arn
  }
}

data "aws_caller_identity" "landing" {
  provider = aws.landing
}

data "aws_caller_identity" "lake" {}
data "aws_partition" "current" {}

locals {
  landing_root    = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.landing.account_id}:root"
  lake_root       = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.lake.account_id}:root"
  landing_arn     = "arn:${data.aws_partition.current.partition}:s3:::${var.landing_bucket}"
  landing_key_arn = aws_kms_key.landing.arn

  # Principals of another account have to exist when a policy names them, and a role that is made again is another one. So
  # the account is let in, and a condition says which of its roles:
  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
  lake_roles = {
    for role in ["job", "crawler", "workflow"] :
    role => "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.lake.account_id}:role/${var.name}-${role}"
  }
}

resource "aws_s3_bucket" "landing" {
  # checkov:skip=CKV_AWS_18:Stands for a bucket that exists; how it is logged is its owner's business.
  # checkov:skip=CKV_AWS_21:As above, versions.
  # checkov:skip=CKV_AWS_144:As above, replication.
  # checkov:skip=CKV2_AWS_61:As above, how long files are kept.
  # checkov:skip=CKV2_AWS_62:The lake looks every hour.
  provider = aws.landing
  bucket   = var.landing_bucket
}

resource "aws_s3_bucket_public_access_block" "landing" {
  provider = aws.landing
  bucket   = aws_s3_bucket.landing.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# The landing account owns every object, whoever uploaded it: a bucket's policy lets nobody read objects of other owners.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
resource "aws_s3_bucket_ownership_controls" "landing" {
  provider = aws.landing
  bucket   = aws_s3_bucket.landing.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "landing" {
  provider = aws.landing
  bucket   = aws_s3_bucket.landing.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm = "aws:kms"
      # By its ARN: an alias would be looked up in the account of whoever reads.
      kms_master_key_id = local.landing_key_arn
    }
  }
}

data "aws_iam_policy_document" "landing" {
  statement {
    sid       = "CrawlerFindsBucket"
    actions   = ["s3:GetBucketLocation"]
    resources = [local.landing_arn]

    principals {
      type        = "AWS"
      identifiers = [local.lake_root]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:PrincipalArn"
      values   = [local.lake_roles["crawler"]]
    }
  }

  statement {
    sid       = "LakeFindsFiles"
    actions   = ["s3:ListBucket"]
    resources = [local.landing_arn]

    principals {
      type        = "AWS"
      identifiers = [local.lake_root]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:PrincipalArn"
      values   = values(local.lake_roles)
    }
  }

  statement {
    sid       = "LakeReadsFiles"
    actions   = ["s3:GetObject"]
    resources = ["${local.landing_arn}/*"]

    principals {
      type        = "AWS"
      identifiers = [local.lake_root]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:PrincipalArn"
      values   = [local.lake_roles["job"], local.lake_roles["crawler"]]
    }
  }

  statement {
    sid       = "RefuseWithoutTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local.landing_arn, "${local.landing_arn}/*"]

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
}

resource "aws_s3_bucket_policy" "landing" {
  provider = aws.landing
  bucket   = aws_s3_bucket.landing.id
  policy   = data.aws_iam_policy_document.landing.json
}

# The lake's account cannot let itself in: a key of another account wants a statement here beside the role's own policy.
# https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html
data "aws_iam_policy_document" "landing_key" {
  # checkov:skip=CKV_AWS_109:The policy of a key, whose * means this key: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html
  # checkov:skip=CKV_AWS_111:As above.
  # checkov:skip=CKV_AWS_356:As above.
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [local.landing_root]
    }
  }

  statement {
    sid       = "LakeDecrypts"
    actions   = ["kms:Decrypt"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [local.lake_root]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:PrincipalArn"
      values   = [local.lake_roles["job"], local.lake_roles["crawler"]]
    }
  }
}

resource "aws_kms_key" "landing" {
  provider            = aws.landing
  description         = "CSV files in ${var.landing_bucket}"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.landing_key.json
}
