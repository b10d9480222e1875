data "aws_partition" "current" {}
data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id
  account   = data.aws_caller_identity.current.account_id
  scripts   = "${path.module}/../../glue_scripts"
  entry     = "csv_to_parquet.py"
  modules   = setsubtract(fileset(local.scripts, "*.py"), [local.entry])
}

resource "aws_s3_object" "script" {
  for_each = fileset(local.scripts, "*.py")

  bucket       = var.artifacts_bucket
  key          = "scripts/${each.value}"
  source       = "${local.scripts}/${each.value}"
  source_hash  = filemd5("${local.scripts}/${each.value}")
  content_type = "text/x-python"
  tags         = var.tags
}

resource "aws_glue_job" "this" {
  name              = "${var.name}-csv-to-parquet"
  description       = "Converts new CSV files to Snappy Parquet and publishes them"
  role_arn          = aws_iam_role.this.arn
  glue_version      = var.glue.version
  worker_type       = var.glue.worker_type
  number_of_workers = var.glue.number_of_workers
  timeout           = var.glue.timeout_minutes
  # A run that failed is repaired by the next execution; Glue's own retry would only pay twice for the same error.
  max_retries = 0
  tags        = var.tags

  command {
    name            = "glueetl"
    python_version  = "3"
    script_location = "s3://${var.artifacts_bucket}/${aws_s3_object.script[local.entry].key}"
  }

  execution_property {
    max_concurrent_runs = var.glue.max_concurrent_runs
  }

  # https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
  default_arguments = {
    "--extra-py-files"      = join(",", [for file in sort(local.modules) : "s3://${var.artifacts_bucket}/${aws_s3_object.script[file].key}"])
    "--enable-metrics"      = "true"
    "--job-language"        = "python"
    "--enable-auto-scaling" = "true"
  }
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["glue.amazonaws.com"]
    }

    # https://docs.aws.amazon.com/glue/latest/dg/cross-service-confused-deputy-prevention.html
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "this" {
  statement {
    sid     = "ReadScriptsAndContracts"
    actions = ["s3:GetObject"]
    resources = [
      "arn:${local.partition}:s3:::${var.artifacts_bucket}/scripts/*",
      "arn:${local.partition}:s3:::${var.artifacts_bucket}/contracts/*",
    ]
  }

  statement {
    sid     = "ListRawDataAndLake"
    actions = ["s3:ListBucket"]
    resources = [
      "arn:${local.partition}:s3:::${var.raw_bucket}",
      "arn:${local.partition}:s3:::${var.lake_bucket}",
    ]
  }

  statement {
    sid       = "ReadRawData"
    actions   = ["s3:GetObject"]
    resources = ["arn:${local.partition}:s3:::${var.raw_bucket}/*"]
  }

  statement {
    sid     = "WriteLake"
    actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    resources = [
      for folder in ["tables", "quarantine", "manifests", "reports"] : "arn:${local.partition}:s3:::${var.lake_bucket}/${folder}/*"
    ]
  }

  # https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
  statement {
    sid = "Publish"
    actions = [
      "glue:GetTable", "glue:UpdateTable", "glue:GetPartitions", "glue:BatchGetPartition",
      "glue:BatchCreatePartition", "glue:BatchUpdatePartition", "glue:BatchDeletePartition",
    ]
    resources = concat(
      [
        "arn:${local.partition}:glue:${local.region}:${local.account}:catalog",
        "arn:${local.partition}:glue:${local.region}:${local.account}:database/${var.database_name}",
        "arn:${local.partition}:glue:${local.region}:${local.account}:table/${var.database_name}/*",
      ],
    )
  }

  # PutMetricData knows no resources, but its namespace can be pinned:
  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html
  statement {
    sid       = "ReportMetrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = ["CsvToParquet", "Glue"]
    }
  }

  # https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging.html
  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws-glue/*"]
  }
}

resource "aws_iam_role" "this" {
  name               = "${var.name}-job"
  description        = "Glue job ${var.name}-csv-to-parquet"
  assume_role_policy = data.aws_iam_policy_document.assume.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "this" {
  name   = "job"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json
}
