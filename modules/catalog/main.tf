data "aws_partition" "current" {}
data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id
  account   = data.aws_caller_identity.current.account_id
  glue_arn  = "arn:${local.partition}:glue:${local.region}:${local.account}"
  crawls    = length(var.crawled) > 0
}

resource "aws_glue_catalog_database" "this" {
  name = var.database_name
  tags = var.tags
}

# Without a classifier of its own a crawler guesses, and guesses wrong where every column is text: the header becomes data.
# https://docs.aws.amazon.com/glue/latest/dg/add-classifier.html
resource "aws_glue_classifier" "this" {
  for_each = var.crawled

  name = each.value.crawler_name

  csv_classifier {
    contains_header = each.value.csv.header ? "PRESENT" : "ABSENT"
    delimiter       = each.value.csv.delimiter
    quote_symbol    = each.value.csv.quote
  }
}

resource "aws_glue_crawler" "this" {
  for_each = var.crawled

  name          = each.value.crawler_name
  database_name = aws_glue_catalog_database.this.name
  role          = one(aws_iam_role.crawler[*].arn)
  classifiers   = [aws_glue_classifier.this[each.key].name]
  table_prefix  = "raw_"
  tags          = var.tags

  s3_target {
    path = "s3://${var.raw_bucket}/${each.value.prefix}"
  }

  # One table per dataset, whatever its folders look like:
  # https://docs.aws.amazon.com/glue/latest/dg/crawler-grouping-policy.html
  configuration = jsonencode({
    Version  = 1.0
    Grouping = { TableGroupingPolicy = "CombineCompatibleSchemas" }
  })

  # The table is taken down by nobody but its owner.
  schema_change_policy {
    update_behavior = "UPDATE_IN_DATABASE"
    delete_behavior = "LOG"
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

# What a crawler calls: https://docs.aws.amazon.com/glue/latest/dg/crawler-prereqs.html
data "aws_iam_policy_document" "crawler" {
  statement {
    sid       = "ListRawData"
    actions   = ["s3:ListBucket"]
    resources = ["arn:${local.partition}:s3:::${var.raw_bucket}"]
  }

  statement {
    sid       = "ReadRawData"
    actions   = ["s3:GetObject"]
    resources = [for dataset in var.crawled : "arn:${local.partition}:s3:::${var.raw_bucket}/${dataset.prefix}*"]
  }

  statement {
    sid = "WriteRawTables"
    actions = [
      "glue:GetDatabase", "glue:GetTable", "glue:CreateTable", "glue:UpdateTable",
      "glue:GetPartitions", "glue:BatchGetPartition", "glue:BatchCreatePartition", "glue:UpdatePartition",
    ]
    resources = concat(
      ["${local.glue_arn}:catalog", "${local.glue_arn}:database/${var.database_name}"],
      [for name in keys(var.crawled) : "${local.glue_arn}:table/${var.database_name}/raw_${name}"],
    )
  }

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws-glue/crawlers*"]
  }
}

resource "aws_iam_role" "crawler" {
  count = local.crawls ? 1 : 0

  name               = "${var.name}-crawler"
  assume_role_policy = data.aws_iam_policy_document.assume.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "crawler" {
  count = local.crawls ? 1 : 0

  name   = "crawler"
  role   = one(aws_iam_role.crawler[*].id)
  policy = data.aws_iam_policy_document.crawler.json
}
