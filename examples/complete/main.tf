# Everything on: a key of one's own everywhere, versions, access logs, notifications by mail and chat, alarms, schedules,
# dead letters, tracing, further rights and tags, partitions from folders and from file names, declared and crawled
# columns, views, and a dataset with larger workers and a clock of its own.
provider "aws" {
  default_tags {
    tags = { managed-by = "terraform" }
  }
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
# Tells the region, with provider 5.x and 6.x alike.
data "aws_service_principal" "current" { service_name = "glue" }

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_service_principal.current.region
}

# Who may use the key: the account and three services.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
# https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
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

  statement {
    sid       = "Logs"
    actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${local.region}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${local.partition}:logs:${local.region}:${local.account}:*"]
    }
  }

  # Without a condition: EventBridge does not say for whom it publishes to an encrypted topic.
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

resource "aws_kms_key" "lake" {
  description         = "Data and logs of ${var.name}"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.key.json
}

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
resource "aws_s3_bucket" "access_logs" {
  # checkov:skip=CKV_AWS_18:Requests to the logs are logged nowhere, or each log would be followed by another.
  # checkov:skip=CKV_AWS_21:S3 writes every log once, under a name of its own.
  # checkov:skip=CKV_AWS_144:Logs are copies; whoever has to keep them elsewhere replicates them.
  # checkov:skip=CKV_AWS_145:AWS documents SSE-S3 alone for a bucket that takes logs: https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
  # checkov:skip=CKV2_AWS_62:Nobody waits for a log.
  bucket        = "${var.name}-access-logs-${local.account}-${local.region}"
  force_destroy = true
}

resource "aws_s3_bucket_public_access_block" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id

  rule {
    id     = "a-year"
    status = "Enabled"

    filter {}

    expiration {
      days = 365
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

data "aws_iam_policy_document" "access_logs" {
  statement {
    sid       = "Deliver"
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.access_logs.arn}/*"]

    principals {
      type        = "Service"
      identifiers = ["logging.s3.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_s3_bucket_policy" "access_logs" {
  bucket = aws_s3_bucket.access_logs.id
  policy = data.aws_iam_policy_document.access_logs.json
}

# The topic of a channel of Amazon Q Developer in chat applications.
resource "aws_sns_topic" "chat" {
  name              = "${var.name}-chat"
  kms_master_key_id = aws_kms_key.lake.arn
}

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
data "aws_iam_policy_document" "chat" {
  statement {
    sid       = "Executions"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.chat.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }
}

resource "aws_sns_topic_policy" "chat" {
  arn    = aws_sns_topic.chat.arn
  policy = data.aws_iam_policy_document.chat.json
}

# What the account asks of every role that runs code.
data "aws_iam_policy_document" "further" {
  statement {
    sid       = "ReadAccountSettings"
    actions   = ["ssm:GetParameter"]
    resources = ["arn:${local.partition}:ssm:${local.region}:${local.account}:parameter/platform/*"]
  }
}

module "shop_lake" {
  source = "../.."

  name          = var.name
  kms_key_arn   = aws_kms_key.lake.arn
  force_destroy = true
  tags          = { team = "data-platform", cost-centre = "4711" }
  tags_by_kind  = { bucket = { data-class = "internal" } }
  iam           = { job = { policies = [data.aws_iam_policy_document.further.json] } }

  buckets = {
    raw       = { versioning = true }
    lake      = { versioning = true }
    artifacts = { versioning = true, prefix = "pipeline/" }
  }
  lifecycle_rules = { athena_results_days = 30, noncurrent_version_days = 90 }
  access_logs     = { enabled = true, bucket = aws_s3_bucket.access_logs.bucket, prefix = "s3/" }

  datasets = {
    # Folders name the partition: sales/month=2026-01/anything.csv
    sales = {
      partition_keys = [{ name = "month" }]
      schema_drift   = "ignore"
      columns = [
        { name = "sale_id", type = "bigint", required = true },
        { name = "sold_at", type = "timestamp", format = "%Y-%m-%d %H:%M:%S", comment = "UTC" },
        { name = "product", source = "Product No." },
        { name = "quantity", type = "int" },
        { name = "price", type = "decimal(12,2)", comment = "EUR" },
      ]
      # By far the largest one, and wanted every hour.
      glue     = { number_of_workers = 10, timeout_minutes = 60 }
      schedule = { expression = "rate(1 hour)" }
    }
    # The file's name names the partitions: deliveries/export_2026-01-31.csv.gz
    returns = {
      prefix            = "deliveries/returns"
      partition_keys    = [{ name = "year", type = "int" }, { name = "return_month", type = "int" }]
      partition_pattern = "export_(?P<year>\\d{4})-(?P<return_month>\\d{2})-\\d{2}\\.csv"
      csv               = { delimiter = ";", encoding = "cp1252", null_values = ["", "NULL"], date_format = "%d.%m.%Y" }
      max_bad_fraction  = 0
      on_source_removed = "mirror"
      on_unmatched      = "skip"
      columns = [
        { name = "sale_id", type = "bigint", required = true },
        { name = "returned_on", type = "date" },
        { name = "reason" },
      ]
    }
    # A lookup table, its columns found by a crawler.
    products = { prefix = "master/products/" }
  }

  views = [
    {
      name = "net_sales"
      sql  = <<-SQL
        SELECT s.month, s.product, sum(s.quantity * s.price) AS revenue, count(r.sale_id) AS returned
        FROM sales AS s
        LEFT JOIN returns AS r ON r.sale_id = s.sale_id
        GROUP BY s.month, s.product
      SQL
    },
    {
      name = "best_sellers"
      sql  = "SELECT month, product, revenue FROM net_sales WHERE returned = 0 ORDER BY revenue DESC LIMIT 100"
    },
  ]

  on_dataset_removed = "drop_tables"

  schedule     = { expression = "cron(0 6 * * ? *)", timezone = "Europe/Berlin" }
  dead_letters = true

  glue = {
    worker_type                   = "G.2X"
    number_of_workers             = 4
    create_security_configuration = true
    log_retention_days            = 365
  }
  athena = { bytes_scanned_cutoff_mb = 10240 }
  workflow = {
    log_level              = "ALL"
    include_execution_data = true
    log_retention_days     = 365
    tracing                = true
  }
  notifications = { enabled = true, emails = var.emails, chat = true, chat_topic_arn = aws_sns_topic.chat.arn }
  monitoring = {
    no_success_hours = 26
    alarm_actions    = ["arn:${local.partition}:ssm:${local.region}:${local.account}:opsitem:3"]
  }
}
