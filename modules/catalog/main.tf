data "aws_partition" "current" {}
data "aws_service_principal" "current" { service_name = "glue" } # for its region: see the root
data "aws_caller_identity" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_service_principal.current.region
  account   = data.aws_caller_identity.current.account_id
  glue_arn  = "arn:${local.partition}:glue:${local.region}:${local.account}"

  database_name = var.create_database ? one(aws_glue_catalog_database.this[*].name) : var.database_name
  crawls        = length(var.crawled) > 0
  creates_role  = var.create_role && local.crawls
  role_arn      = local.creates_role ? one(aws_iam_role.crawler[*].arn) : var.role_arn

  # Everything by name while that fits into the 10,240 characters that IAM allows for the policies of a role; with very
  # many datasets by bucket and database: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
  s3_arn            = "arn:${local.partition}:s3:::"
  exact_prefixes    = flatten([for dataset in var.crawled : [trimsuffix(dataset.prefix, "/"), "${dataset.prefix}*"]])
  exact_source_arns = [for dataset in var.crawled : "${local.s3_arn}${var.raw_bucket}/${dataset.prefix}*"]
  exact_table_arns  = [for name in keys(var.crawled) : "${local.glue_arn}:table/${var.database_name}/raw_${name}"]
  by_name           = length(jsonencode(concat(local.exact_prefixes, local.exact_source_arns, local.exact_table_arns))) <= 6000
  prefixes          = local.by_name ? local.exact_prefixes : ["*"]
  source_arns       = local.by_name ? local.exact_source_arns : ["${local.s3_arn}${var.raw_bucket}/*"]
  table_arns        = local.by_name ? local.exact_table_arns : ["${local.glue_arn}:table/${var.database_name}/raw_*"]
}

resource "aws_glue_catalog_database" "this" {
  count = var.create_database ? 1 : 0

  name        = var.database_name
  description = "Tables and views of ${var.name}"
  tags        = var.tags
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

  name                   = each.value.crawler_name
  description            = "Finds the columns of ${each.key}"
  database_name          = local.database_name
  role                   = local.role_arn
  classifiers            = [aws_glue_classifier.this[each.key].name]
  table_prefix           = "raw_"
  security_configuration = var.security_configuration
  tags                   = var.tags

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

  # Glue tries the role when the crawler is created.
  depends_on = [aws_iam_role_policy.crawler]
}

data "aws_iam_policy_document" "assume" {
  count = local.crawls ? 1 : 0

  statement {
    sid     = "Glue"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["glue.amazonaws.com"]
    }

    # Only for what this account runs in this region:
    # https://docs.aws.amazon.com/glue/latest/dg/cross-service-confused-deputy-prevention.html
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["${local.glue_arn}:*"]
    }
  }
}

# What a crawler calls: https://docs.aws.amazon.com/glue/latest/dg/crawler-prereqs.html
data "aws_iam_policy_document" "crawler" {
  count = local.crawls ? 1 : 0

  # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSGlueServiceRole.html
  statement {
    sid       = "FindRawData"
    actions   = ["s3:GetBucketLocation"]
    resources = ["${local.s3_arn}${var.raw_bucket}"]
  }

  # https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
  statement {
    sid       = "ListRawData"
    actions   = ["s3:ListBucket"]
    resources = ["${local.s3_arn}${var.raw_bucket}"]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = local.prefixes
    }
  }

  statement {
    sid       = "ReadRawData"
    actions   = ["s3:GetObject"]
    resources = local.source_arns
  }

  # AWSGlueServiceRole allows all of Glue. These are what it takes to make a table and its partitions and to keep them:
  # https://docs.aws.amazon.com/glue/latest/dg/crawler-prereqs.html
  # Every table ARN needs those of its database and catalog:
  # https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
  statement {
    sid = "WriteRawTables"
    actions = [
      "glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:CreateTable", "glue:UpdateTable",
      "glue:GetPartition", "glue:GetPartitions", "glue:BatchGetPartition", "glue:CreatePartition",
      "glue:BatchCreatePartition", "glue:UpdatePartition", "glue:BatchUpdatePartition",
    ]
    resources = concat(
      ["${local.glue_arn}:catalog", "${local.glue_arn}:database/${var.database_name}"],
      local.table_arns,
    )
  }

  # Crawlers log to a group of the account, whose name cannot be chosen:
  # https://docs.aws.amazon.com/glue/latest/dg/console-crawlers.html
  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws-glue/crawlers*"]
  }

  dynamic "statement" {
    for_each = var.security_configuration == null ? [] : [true]

    content {
      # https://docs.aws.amazon.com/glue/latest/dg/set-up-encryption.html
      sid       = "EncryptLogs"
      actions   = ["logs:AssociateKmsKey"]
      resources = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws-glue/crawlers*"]
    }
  }

  dynamic "statement" {
    for_each = var.security_configuration == null ? [] : [true]

    content {
      # Knows no resources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsglue.html
      sid       = "SeeSecurityConfiguration"
      actions   = ["glue:GetSecurityConfiguration"]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
      sid       = "ReadEncrypted"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = length(var.kms_keys.read) > 0 ? [true] : []

    content {
      # Raw objects under another key
      sid       = "ReadUnderOtherKeys"
      actions   = ["kms:Decrypt"]
      resources = var.kms_keys.read
    }
  }

  dynamic "statement" {
    for_each = var.kms_keys.catalog == null ? [] : [var.kms_keys.catalog]

    content {
      # Whoever calls an encrypted Data Catalog: https://docs.aws.amazon.com/glue/latest/dg/encrypt-glue-data-catalog.html
      sid       = "UseCatalogKey"
      actions   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_role" "crawler" {
  count = local.creates_role ? 1 : 0

  name                 = "${var.name}-crawler${var.global_suffix}"
  path                 = var.role_path
  description          = "Crawlers of ${var.name}"
  permissions_boundary = var.permissions_boundary
  assume_role_policy   = one(data.aws_iam_policy_document.assume[*].json)
  tags                 = var.tags
}

resource "aws_iam_role_policy" "crawler" {
  count = local.creates_role ? 1 : 0

  name   = "crawler"
  role   = one(aws_iam_role.crawler[*].id)
  policy = one(data.aws_iam_policy_document.crawler[*].json)
}

resource "aws_iam_role_policy" "further" {
  count = local.creates_role ? length(var.further_policies) : 0

  name   = "further-${count.index}"
  role   = one(aws_iam_role.crawler[*].id)
  policy = var.further_policies[count.index]
}
