locals {
  state_machine_arn = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${var.name}"
  glue_arn          = "arn:${local.partition}:glue:${local.region}:${local.account}"
  s3_arn            = "arn:${local.partition}:s3:::"
  athena_arn        = "arn:${local.partition}:athena:${local.region}:${local.account}"
  results_bucket    = split("/", trimprefix(var.athena_results_uri, "s3://"))[0]
  results_prefix    = trimprefix(trimprefix(var.athena_results_uri, "s3://"), "${local.results_bucket}/")
  contract_keys     = distinct([for dataset in var.datasets : "${coalesce(dataset.contract_bucket, var.artifacts_bucket)}/${dirname(dataset.contract_key)}/*"])
  source_buckets    = distinct(values(var.datasets)[*].source_bucket)

  # Everything by name while that fits into the 10,240 characters that IAM allows for the policies of a role; with very
  # many datasets by bucket and by the instance's name: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
  exact_prefixes = distinct(values(var.datasets)[*].source_prefix)
  exact_crawlers = [for crawler in var.crawler_names : "${local.glue_arn}:crawler/${crawler}"]
  by_name        = length(jsonencode(concat(local.exact_prefixes, local.exact_crawlers))) <= 5000
  prefix_test    = local.by_name ? "StringEquals" : "StringLike"
  prefixes       = local.by_name ? local.exact_prefixes : ["*"]
  crawler_arns   = local.by_name ? local.exact_crawlers : ["${local.glue_arn}:crawler/${var.name}-*"]
}

data "aws_iam_policy_document" "assume" {
  statement {
    sid     = "StepFunctions"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["states.amazonaws.com"]
    }

    # Nobody else's state machine may use the role:
    # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = [local.state_machine_arn, local.listing_arn]
    }
  }
}

data "aws_iam_policy_document" "this" {
  # glue:startJobRun.sync: https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html
  statement {
    sid       = "RunJob"
    actions   = ["glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"]
    resources = ["${local.glue_arn}:job/${var.glue_job_name}"]
  }

  # The state machine looks the tables up and creates them; Athena, which acts with the caller's rights, looks up what a
  # view reads and creates or replaces the view. Every table ARN needs those of its database and catalog:
  # https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
  # https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html
  # Tables are not listed one by one, because a policy of 200 datasets would pass the 10,240 characters IAM allows.
  statement {
    sid     = "UseCatalog"
    actions = ["glue:GetDatabase", "glue:GetTable", "glue:CreateTable", "glue:UpdateTable"]
    resources = [
      "${local.glue_arn}:catalog",
      "${local.glue_arn}:database/${var.database_name}",
      "${local.glue_arn}:table/${var.database_name}/*",
    ]
  }

  # What there is of datasets that are no longer configured; only whoever may see all tables can list them:
  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsglue.html
  statement {
    sid     = "FindOrphans"
    actions = ["glue:GetTables"]
    resources = [
      "${local.glue_arn}:catalog",
      "${local.glue_arn}:database/${var.database_name}",
      "${local.glue_arn}:table/${var.database_name}/*",
    ]
  }

  dynamic "statement" {
    for_each = local.drops_tables ? [true] : []

    content {
      # Their names are not known here any more. https://docs.aws.amazon.com/glue/latest/webapi/API_BatchDeleteTable.html
      sid     = "DropOrphans"
      actions = ["glue:BatchDeleteTable"]
      resources = [
        "${local.glue_arn}:catalog",
        "${local.glue_arn}:database/${var.database_name}",
        "${local.glue_arn}:table/${var.database_name}/*",
      ]
    }
  }

  # Athena wants the default database to be there whatever the query:
  # https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html#full-access-to-default-db-per-region
  statement {
    sid       = "UseDefaultDatabase"
    actions   = ["glue:GetDatabase", "glue:GetDatabases", "glue:CreateDatabase"]
    resources = ["${local.glue_arn}:catalog", "${local.glue_arn}:database/default"]
  }

  # Is an older execution running? https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
  statement {
    sid       = "SeeOwnExecutions"
    actions   = ["states:ListExecutions"]
    resources = [local.state_machine_arn]
  }

  # https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartSyncExecution.html
  statement {
    sid       = "StartListing"
    actions   = ["states:StartSyncExecution"]
    resources = [local.listing_arn]
  }

  dynamic "statement" {
    for_each = length(var.crawler_names) > 0 ? [true] : []

    content {
      # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsglue.html
      sid       = "Crawl"
      actions   = ["glue:StartCrawler", "glue:GetCrawler"]
      resources = local.crawler_arns
    }
  }

  dynamic "statement" {
    for_each = length(var.datasets) > 0 ? [true] : []

    content {
      sid       = "ReadContracts"
      actions   = ["s3:GetObject"]
      resources = [for key in local.contract_keys : "${local.s3_arn}${key}"]
    }
  }

  statement {
    sid       = "ReadReports"
    actions   = ["s3:GetObject"]
    resources = ["${local.s3_arn}${var.lake_bucket}/reports/*"]
  }

  dynamic "statement" {
    for_each = length(var.datasets) > 0 ? [true] : []

    content {
      # ListObjectsV2: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
      sid       = "ListRawData"
      actions   = ["s3:ListBucket"]
      resources = [for bucket in local.source_buckets : "${local.s3_arn}${bucket}"]

      condition {
        test     = local.prefix_test
        variable = "s3:prefix"
        values   = local.prefixes
      }
    }
  }

  # athena:startQueryExecution.sync: https://docs.aws.amazon.com/step-functions/latest/dg/connect-athena.html
  statement {
    sid = "RunQueries"
    actions = [
      "athena:StartQueryExecution", "athena:GetQueryExecution", "athena:StopQueryExecution", "athena:GetDataCatalog",
    ]
    resources = [
      "${local.athena_arn}:workgroup/${var.athena_workgroup}",
      "${local.athena_arn}:datacatalog/AwsDataCatalog",
    ]
  }

  # Athena leaves the result of a statement in S3 with the caller's rights. Creating a view reads no data, so nothing of
  # the lake's tables is allowed here: https://docs.aws.amazon.com/athena/latest/ug/s3-permissions.html
  statement {
    sid       = "FindQueryResults"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = ["${local.s3_arn}${local.results_bucket}"]
  }

  statement {
    sid       = "WriteQueryResults"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    resources = ["${local.s3_arn}${local.results_bucket}/${local.results_prefix}*"]
  }

  # Log delivery knows no resources: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
  statement {
    sid = "DeliverLogs"
    actions = [
      "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
      "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
    ]
    resources = ["*"]
  }

  # The two of the ten actions of that page that know resources. Express executions write with them:
  # https://github.com/terraform-aws-modules/terraform-aws-step-functions/issues/76
  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.log_group_arn}:*"]
  }

  dynamic "statement" {
    for_each = var.tracing ? [true] : []

    content {
      # X-Ray knows no resources either: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html
      sid = "Trace"
      actions = [
        "xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets",
      ]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn != null ? [var.kms_key_arn] : []

    content {
      # Contracts and reports are read, query results are written:
      # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
      sid       = "UseKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = length(var.kms_keys.read) > 0 ? [true] : []

    content {
      # Contracts and reports that were written under another key
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

  dynamic "statement" {
    for_each = var.kms_keys.state_machines == null ? [] : [var.kms_keys.state_machines]

    content {
      # For its executions and for starting the listing:
      # https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html
      sid       = "UseStateMachineKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:EncryptionContext:aws:states:stateMachineArn"
        values   = [local.state_machine_arn, local.listing_arn]
      }
    }
  }

  dynamic "statement" {
    for_each = var.kms_keys.state_machines == null ? [] : [var.kms_keys.state_machines]

    content {
      # What is delivered to the log group is encrypted on its way:
      # https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html
      sid       = "EncryptLogs"
      actions   = ["kms:GenerateDataKey"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:EncryptionContext:SourceArn"
        values   = ["arn:${local.partition}:logs:${local.region}:${local.account}:*"]
      }
    }
  }
}

resource "aws_iam_role" "this" {
  count = var.create_role ? 1 : 0

  name                 = "${var.name}-workflow${var.global_suffix}"
  path                 = var.role_path
  description          = "State machine ${var.name}"
  permissions_boundary = var.permissions_boundary
  assume_role_policy   = data.aws_iam_policy_document.assume.json
  tags                 = var.tags
}

resource "aws_iam_role_policy" "this" {
  count = var.create_role ? 1 : 0

  name   = "workflow"
  role   = one(aws_iam_role.this[*].id)
  policy = data.aws_iam_policy_document.this.json

  lifecycle {
    precondition {
      # White space is not counted: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
      condition     = length(replace(data.aws_iam_policy_document.this.json, "/\\s/", "")) <= 10240
      error_message = "The policy of the state machine has more than the 10,240 characters IAM allows: use shorter names of buckets and work group, or a role of your own."
    }
  }
}

resource "aws_iam_role_policy" "further" {
  count = var.create_role ? length(var.further_policies) : 0

  name   = "further-${count.index}"
  role   = one(aws_iam_role.this[*].id)
  policy = var.further_policies[count.index]
}
