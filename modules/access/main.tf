data "aws_partition" "current" {}
data "aws_service_principal" "current" { service_name = "glue" } # for its region: see the root
data "aws_caller_identity" "current" {}

locals {
  partition      = data.aws_partition.current.partition
  place          = "${data.aws_service_principal.current.region}:${data.aws_caller_identity.current.account_id}"
  s3_arn         = "arn:${local.partition}:s3:::"
  glue_arn       = "arn:${local.partition}:glue:${local.place}"
  athena_arn     = "arn:${local.partition}:athena:${local.place}"
  results_bucket = split("/", var.results_uri)[2]
  results_prefix = trimprefix(var.results_uri, "s3://${local.results_bucket}/")

  # Everything by name while that leaves room in the 6,144 characters of a managed policy:
  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
  all_tables    = concat(flatten(values(var.datasets)[*].tables), var.views)
  table_arns    = [for table in local.all_tables : "${local.glue_arn}:table/${var.database_name}/${table}"]
  upload_arns   = [for dataset in var.datasets : "${local.s3_arn}${var.raw_bucket}/${dataset.prefix}*"]
  every         = "*" # no dataset has this name
  by_table_name = length(join("", local.table_arns)) <= 2000
  by_prefix     = length(join("", local.upload_arns)) <= 4000

  # What may be read and uploaded, for every dataset and for all together.
  readable = merge(
    {
      (local.every) = {
        tables  = local.by_table_name ? local.table_arns : ["${local.glue_arn}:table/${var.database_name}/*"]
        folders = ["tables/", "quarantine/"]
      }
    },
    {
      for name, dataset in var.datasets : name => {
        tables  = [for table in dataset.tables : "${local.glue_arn}:table/${var.database_name}/${table}"]
        folders = ["tables/${dataset.folder}/", "quarantine/${dataset.folder}/"]
      }
    },
  )
  uploadable = merge(
    { (local.every) = local.by_prefix ? local.upload_arns : ["${local.s3_arn}${var.raw_bucket}/*"] },
    { for name, dataset in var.datasets : name => ["${local.s3_arn}${var.raw_bucket}/${dataset.prefix}*"] },
  )
}

# --- who queries: https://docs.aws.amazon.com/athena/latest/ug/managed-policies.html, by name

data "aws_iam_policy_document" "consumer" {
  for_each = local.readable

  # https://docs.aws.amazon.com/athena/latest/ug/example-policies-workgroup.html
  statement {
    sid = "RunQueries"
    actions = [
      "athena:GetWorkGroup", "athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults",
      "athena:StopQueryExecution",
    ]
    resources = ["${local.athena_arn}:workgroup/${var.workgroup_name}"]
  }

  # Without glue:GetTables, which wants all tables of the database:
  # https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html
  statement {
    sid       = "ReadCatalog"
    actions   = ["glue:GetDatabase", "glue:GetTable", "glue:GetPartition", "glue:GetPartitions"]
    resources = concat(["${local.glue_arn}:catalog", "${local.glue_arn}:database/${var.database_name}"], each.value.tables)
  }

  # Athena wants the default database to be there whatever the query:
  # https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html#full-access-to-default-db-per-region
  statement {
    sid       = "UseDefaultDatabase"
    actions   = ["glue:GetDatabase", "glue:GetDatabases", "glue:CreateDatabase"]
    resources = ["${local.glue_arn}:catalog", "${local.glue_arn}:database/default"]
  }

  # Whoever finds results in the lake bucket may list it anyway: https://docs.aws.amazon.com/athena/latest/ug/s3-permissions.html
  dynamic "statement" {
    for_each = local.results_bucket == var.lake_bucket ? [] : [true]

    content {
      sid       = "FindData"
      actions   = ["s3:ListBucket"]
      resources = ["${local.s3_arn}${var.lake_bucket}"]

      condition {
        test     = "StringLike"
        variable = "s3:prefix"
        values   = [for folder in each.value.folders : "${folder}*"]
      }
    }
  }

  statement {
    sid       = "ReadData"
    actions   = ["s3:GetObject"]
    resources = [for folder in each.value.folders : "${local.s3_arn}${var.lake_bucket}/${folder}*"]
  }

  # Athena leaves results with the caller's rights.
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

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      # Data is read, results are written: https://docs.aws.amazon.com/athena/latest/ug/encryption.html
      sid       = "UseKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = length(var.decrypt_key_arns) > 0 ? [true] : []

    content {
      # The catalog, and what was written under another key than today's
      sid       = "ReadUnderOtherKeys"
      actions   = ["kms:Decrypt"]
      resources = var.decrypt_key_arns
    }
  }
}

# --- who uploads: https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions

data "aws_iam_policy_document" "uploader" {
  for_each = local.uploadable

  statement {
    sid       = "Upload"
    actions   = ["s3:PutObject", "s3:AbortMultipartUpload"]
    resources = each.value
  }

  dynamic "statement" {
    for_each = var.upload_key_arn == null ? [] : [var.upload_key_arn]

    content {
      # The parts of an upload are put together by decrypting them.
      sid       = "UseKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}
