locals {
  s3_arn   = "arn:${local.partition}:s3:::"
  glue_arn = "arn:${local.partition}:glue:${local.region}:${local.account}"
  logs_arn = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group"
  ec2_arn  = "arn:${local.partition}:ec2:${local.region}:${local.account}"

  # Everything by name while that fits into the 10,240 characters that IAM allows for the policies of a role; with very
  # many datasets by database and bucket: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
  exact_table_arns  = [for table in var.tables : "${local.glue_arn}:table/${var.database_name}/${table}"]
  exact_source_arns = [for prefix in var.source_prefixes : "${local.s3_arn}${var.raw_bucket}/${prefix}*"]
  by_name           = length(join("", concat(local.exact_table_arns, local.exact_source_arns, local.exact_source_arns))) <= 6000
  table_arns        = local.by_name ? local.exact_table_arns : ["${local.glue_arn}:table/${var.database_name}/*"]
  source_arns       = local.by_name ? local.exact_source_arns : ["${local.s3_arn}${var.raw_bucket}/*"]
  source_prefixes   = local.by_name ? [for prefix in var.source_prefixes : "${prefix}*"] : ["*"]
}

data "aws_iam_policy_document" "assume" {
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

data "aws_iam_policy_document" "this" {
  # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
  statement {
    sid     = "ReadScriptsAndContracts"
    actions = ["s3:GetObject"]
    resources = [
      "${local.s3_arn}${var.artifacts_bucket}/${var.artifacts_prefix}scripts/*",
      "${local.s3_arn}${var.artifacts_bucket}/${var.artifacts_prefix}contracts/*",
    ]
  }

  # Glue fetches script and modules with the job's role:
  # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSGlueServiceRole.html
  statement {
    sid       = "FindScripts"
    actions   = ["s3:GetBucketLocation"]
    resources = ["${local.s3_arn}${var.artifacts_bucket}"]
  }

  # https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
  statement {
    sid       = "ListRawData"
    actions   = ["s3:ListBucket"]
    resources = ["${local.s3_arn}${var.raw_bucket}"]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = local.source_prefixes
    }
  }

  # Without a condition on the prefix: only who may list the bucket is told that an object does not exist, everybody
  # else that access is denied. https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
  statement {
    sid       = "ListLake"
    actions   = ["s3:ListBucket"]
    resources = ["${local.s3_arn}${var.lake_bucket}"]
  }

  statement {
    sid       = "ReadRawData"
    actions   = ["s3:GetObject"]
    resources = local.source_arns
  }

  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions
  statement {
    sid     = "WriteLake"
    actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    resources = [
      for folder in ["tables", "quarantine", "manifests", "reports"] : "${local.s3_arn}${var.lake_bucket}/${folder}/*"
    ]
  }

  # Every table ARN needs those of its database and catalog:
  # https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
  statement {
    sid = "Publish"
    actions = [
      "glue:GetTable", "glue:UpdateTable", "glue:GetPartitions", "glue:BatchGetPartition",
      "glue:BatchCreatePartition", "glue:BatchUpdatePartition", "glue:BatchDeletePartition",
    ]
    resources = concat(
      ["${local.glue_arn}:catalog", "${local.glue_arn}:database/${var.database_name}"],
      local.table_arns,
    )
  }

  # Tables of datasets that were renamed or removed, to name them; only whoever may see all tables can list them:
  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsglue.html
  statement {
    sid     = "FindOrphans"
    actions = ["glue:GetTables"]
    resources = [
      "${local.glue_arn}:catalog", "${local.glue_arn}:database/${var.database_name}",
      "${local.glue_arn}:table/${var.database_name}/*",
    ]
  }

  # PutMetricData knows no resources, but its namespace can be pinned. CsvToParquet is what the report sends, Glue what
  # the service sends for --enable-metrics:
  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html
  statement {
    sid       = "ReportMetrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = concat(["CsvToParquet"], var.glue.metrics ? ["Glue"] : [])
    }
  }

  # https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging.html
  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = local.log_group_arns
  }

  dynamic "statement" {
    for_each = local.has_security_configuration ? [true] : []

    content {
      # https://docs.aws.amazon.com/glue/latest/dg/set-up-encryption.html
      sid       = "EncryptLogs"
      actions   = ["logs:AssociateKmsKey"]
      resources = local.log_group_arns
    }
  }

  dynamic "statement" {
    for_each = local.has_security_configuration ? [true] : []

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
      sid       = "UseKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = length(var.kms_keys.read) > 0 ? [true] : []

    content {
      # Raw objects, and what was written under another key than today's
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

  # A connection puts the workers into a VPC: https://docs.aws.amazon.com/glue/latest/dg/getting-started-min-privs-job.html
  dynamic "statement" {
    for_each = length(var.glue.connections) > 0 ? [true] : []

    content {
      sid     = "UseConnections"
      actions = ["glue:GetConnection"]
      resources = concat(
        ["${local.glue_arn}:catalog"],
        [for connection in var.glue.connections : "${local.glue_arn}:connection/${connection}"],
      )
    }
  }

  dynamic "statement" {
    for_each = length(var.glue.connections) > 0 ? [true] : []

    content {
      # None of these knows resources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
      sid = "LookAtNetwork"
      actions = [
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
        "ec2:DescribeVpcEndpoints",
      ]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = length(var.glue.connections) > 0 ? [true] : []

    content {
      sid     = "AttachToNetwork"
      actions = ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeVpcAttribute"]
      resources = [
        for kind in ["network-interface", "security-group", "subnet", "vpc"] : "${local.ec2_arn}:${kind}/*"
      ]
    }
  }

  dynamic "statement" {
    for_each = length(var.glue.connections) > 0 ? [true] : []

    content {
      # Glue marks what it attaches, and nothing else may be marked:
      # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSGlueServiceRole.html
      sid       = "MarkNetworkInterfaces"
      actions   = ["ec2:CreateTags", "ec2:DeleteTags"]
      resources = ["${local.ec2_arn}:network-interface/*"]

      condition {
        test     = "ForAllValues:StringEquals"
        variable = "aws:TagKeys"
        values   = ["aws-glue-service-resource"]
      }
    }
  }
}

locals {
  has_security_configuration = var.glue.create_security_configuration || var.glue.security_configuration != null
  # With a security configuration Glue adds the names of role and configuration to the group's, whether also to that of
  # a job with a prefix of its own is not documented: https://docs.aws.amazon.com/glue/latest/webapi/API_JobRun.html
  configuration_name = var.glue.create_security_configuration ? var.name : var.glue.security_configuration
  log_group_arns = (
    local.has_security_configuration
    ? ["${local.logs_arn}:${local.log_prefix}*", "${local.logs_arn}:/aws-glue/jobs-*-${local.configuration_name}/*"]
    : ["${local.logs_arn}:${local.log_prefix}/*"]
  )
}

resource "aws_iam_role" "this" {
  count = var.create_role ? 1 : 0

  name                 = "${var.name}-job${var.global_suffix}"
  path                 = var.role_path
  description          = "Glue job ${local.job_name}"
  permissions_boundary = var.permissions_boundary
  assume_role_policy   = data.aws_iam_policy_document.assume.json
  tags                 = var.tags
}

resource "aws_iam_role_policy" "this" {
  count = var.create_role ? 1 : 0

  name   = "job"
  role   = one(aws_iam_role.this[*].id)
  policy = data.aws_iam_policy_document.this.json

  lifecycle {
    precondition {
      # White space is not counted: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
      condition     = length(replace(data.aws_iam_policy_document.this.json, "/\\s/", "")) <= 10240
      error_message = "The policy of the job has more than the 10,240 characters IAM allows: use fewer connections or a role of your own."
    }
  }
}

resource "aws_iam_role_policy" "further" {
  count = var.create_role ? length(var.further_policies) : 0

  name   = "further-${count.index}"
  role   = one(aws_iam_role.this[*].id)
  policy = var.further_policies[count.index]
}
