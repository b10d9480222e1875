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
resource "aws_s3_bucket" "landing" {
  bucket_prefix = "landing-"
  force_destroy = true
}

resource "aws_s3_bucket" "lake" {
  bucket_prefix = "lake-"
  force_destroy = true
}

resource "aws_s3_bucket" "tools" {
  bucket_prefix = "tools-"
  force_destroy = true
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
      output_location = "s3://${aws_s3_bucket.lake.bucket}/athena-results/"
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
  name = "on-call"
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
    raw       = { create = false, name = aws_s3_bucket.landing.id }
    lake      = { create = false, name = aws_s3_bucket.lake.id }
    artifacts = { create = false, name = aws_s3_bucket.tools.id, prefix = "csv-to-parquet/ledger" }
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
