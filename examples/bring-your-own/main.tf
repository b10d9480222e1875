# A platform team's landing zone: buckets, key, database, workgroup, topic, log groups and roles exist, the module creates none of
# them. Here they are created in the same state, which is the hardest case: all their names are unknown while planning.
provider "aws" {}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
# Tells the region, with provider 5.x and 6.x alike.
data "aws_service_principal" "current" { service_name = "glue" }

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
}

# --- what the platform team owns ------------------------------------------------------------------------------------
resource "aws_s3_bucket" "platform" {
  # checkov:skip=CKV_AWS_18:Stands for a bucket that exists; how it is logged is its owner's business.
  # checkov:skip=CKV_AWS_21:As above, versions.
  # checkov:skip=CKV_AWS_144:As above, replication.
  # checkov:skip=CKV_AWS_145:Encrypted below; Checkov sees that of one bucket of a for_each only.
  # checkov:skip=CKV2_AWS_6:Closed below; the same.
  # checkov:skip=CKV2_AWS_61:Stands for a bucket that exists; how long objects are kept is its owner's business.
  # checkov:skip=CKV2_AWS_62:Nothing here is started by an upload.
  for_each = toset(["landing", "lake", "tools"])

  bucket_prefix = "${each.key}-"
  force_destroy = true
}

resource "aws_s3_bucket_public_access_block" "platform" {
  for_each = aws_s3_bucket.platform

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "platform" {
  for_each = aws_s3_bucket.platform

  bucket = each.value.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.platform.arn
    }
  }
}

resource "aws_kms_key" "platform" {
  description         = "Data and logs of the platform"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.key.json
}

resource "aws_glue_catalog_database" "ledger" {
  name = "ledger"
}

resource "aws_athena_workgroup" "analysts" {
  name          = "analysts"
  force_destroy = true

  configuration {
    result_configuration {
      output_location = "s3://${aws_s3_bucket.platform["lake"].bucket}/athena-results/"

      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = aws_kms_key.platform.arn
      }
    }
  }
}

# Of the state machines; and of the Glue job, which puts /output and /error behind a prefix.
resource "aws_cloudwatch_log_group" "executions" {
  name              = "/aws/vendedlogs/platform"
  retention_in_days = 30
  kms_key_id        = aws_kms_key.platform.arn
}

resource "aws_cloudwatch_log_group" "job" {
  for_each = toset(["output", "error"])

  name              = "/platform/glue/${each.value}"
  retention_in_days = 30
  kms_key_id        = aws_kms_key.platform.arn
}

resource "aws_sns_topic" "on_call" {
  name              = "on-call"
  kms_master_key_id = aws_kms_key.platform.arn
}

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
data "aws_iam_policy_document" "on_call" {
  # EventBridge can publish to no topic whose policy has a condition for it.
  statement {
    sid       = "Rules"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.on_call.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }

  statement {
    sid       = "Alarms"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.on_call.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_sns_topic_policy" "on_call" {
  arn    = aws_sns_topic.on_call.arn
  policy = data.aws_iam_policy_document.on_call.json
}

data "aws_iam_policy_document" "key" {
  # checkov:skip=CKV_AWS_109:The policy of a key, whose * means this key: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html
  # checkov:skip=CKV_AWS_111:As above.
  # checkov:skip=CKV_AWS_356:As above.
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
  }

  # Who else has to be let in: docs/security.md.
  statement {
    sid       = "Logs"
    actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${data.aws_service_principal.current.region}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${local.partition}:logs:${data.aws_service_principal.current.region}:${local.account}:*"]
    }
  }
  # Who publishes to the topic: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
  # Without a condition: EventBridge does not say for whom it does.
  statement {
    sid       = "ExecutionsThatEndBadly"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }

  statement {
    sid       = "Alarms"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "trust" {
  for_each = toset(["glue", "states"])

  statement {
    sid     = "Assume"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["${each.value}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "platform" {
  for_each = { job = "glue", crawler = "glue", workflow = "states" }

  name               = "platform-ledger-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.trust[each.value].json
}

# A brought role gets exactly what the module would have given one of its own.
resource "aws_iam_role_policy" "platform" {
  for_each = aws_iam_role.platform

  name   = "ledger-pipeline"
  role   = each.value.id
  policy = module.ledger_lake.role_policies[each.key]
}

# --- what the module adds -------------------------------------------------------------------------------------------
module "ledger_lake" {
  source = "../.."

  name        = "ledger"
  kms_key_arn = aws_kms_key.platform.arn

  buckets = {
    raw       = { create = false, name = aws_s3_bucket.platform["landing"].id }
    lake      = { create = false, name = aws_s3_bucket.platform["lake"].id }
    artifacts = { create = false, name = aws_s3_bucket.platform["tools"].id, prefix = "csv-to-parquet/ledger" }
  }
  create_database = false
  database_name   = aws_glue_catalog_database.ledger.name
  athena          = { create_workgroup = false, workgroup_name = aws_athena_workgroup.analysts.name }
  iam = {
    job      = { create = false, role_arn = aws_iam_role.platform["job"].arn }
    crawler  = { create = false, role_arn = aws_iam_role.platform["crawler"].arn }
    workflow = { create = false, role_arn = aws_iam_role.platform["workflow"].arn }
  }
  notifications = { enabled = true, create_topic = false, topic_arn = aws_sns_topic.on_call.arn }
  workflow      = { create_log_group = false, log_group_name = aws_cloudwatch_log_group.executions.name }
  glue          = { create_log_groups = false, log_group_prefix = trimsuffix(aws_cloudwatch_log_group.job["output"].name, "/output") }

  datasets = {
    entries = {
      partition_keys = [{ name = "booking_day", type = "date" }]
      columns        = [{ name = "entry_id", type = "bigint", required = true }]
    }
    accounts = {}
  }
}
