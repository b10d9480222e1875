# A small pipeline with everything on that brings a statement into a policy: a key of one's own, a security configuration,
# tracing, a connection, crawled columns, a view, a schedule and an upload trigger.
provider "aws" {
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}

data "aws_caller_identity" "current" {}

# The account's roles by their own policies, and CloudWatch Logs for the log groups:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
resource "aws_kms_key" "this" {
  description = "Data and logs of the pipeline"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Effect    = "Allow"
        Principal = { Service = "logs.us-east-1.amazonaws.com" }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Resource  = "*"
      },
    ]
  })
}

# What the CSV files come under, and one contract that was written before the pipeline had its key.
resource "aws_kms_key" "other" {
  description = "Data of others"
}

# Step Functions by its callers, and the service that delivers the logs of what is encrypted:
# https://github.com/aws/aws-cdk/pull/30959
resource "aws_kms_key" "state_machines" {
  description = "Executions"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Effect    = "Allow"
        Principal = { Service = "delivery.logs.amazonaws.com" }
        Action    = "kms:Decrypt*"
        Resource  = "*"
      },
    ]
  })
}

resource "aws_kms_key" "catalog" {
  description = "Data Catalog"
}

module "lake" {
  source = "../../.."

  name          = "rights"
  kms_key_arn   = aws_kms_key.this.arn
  force_destroy = true
  kms_keys = {
    catalog        = aws_kms_key.catalog.arn
    read           = [aws_kms_key.other.arn]
    state_machines = aws_kms_key.state_machines.arn
  }
  # The local endpoint speaks plain HTTP.
  require_tls = false
  # The provider waits a minute per bucket for lifecycle rules to settle.
  lifecycle_rules = { enabled = false }
  monitoring      = { alarms = false, dashboard = false }
  glue = {
    connections                   = ["warehouse"]
    create_security_configuration = true
  }
  workflow = {
    tracing  = true
    timeouts = { crawler_poll_seconds = 1, overlap_poll_seconds = 1 }
  }
  on_dataset_removed = "drop_tables"
  # The tests bring it forward.
  schedule          = { expression = "at(2099-01-01T00:00:00)" }
  trigger_on_upload = { window_seconds = 3 }

  datasets = {
    orders = {
      partition_keys          = [{ name = "month" }]
      on_source_removed       = "mirror"
      max_bad_fraction        = 1
      retain_superseded_hours = 0
      columns                 = [{ name = "order_id", type = "int", required = true }, { name = "amount", type = "int" }]
    }
    # No columns: the crawler finds them.
    products = {
      partition_keys = [{ name = "year" }]
    }
  }

  views = [{
    name = "sales"
    sql  = "SELECT month, sum(amount) AS amount FROM orders GROUP BY month"
  }]
}

output "other_key_arn" {
  description = "Key of what others have written."
  value       = aws_kms_key.other.arn
}
