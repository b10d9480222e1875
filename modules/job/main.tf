data "aws_partition" "current" {}
data "aws_service_principal" "current" { service_name = "glue" } # for its region: see the root
data "aws_caller_identity" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_service_principal.current.region
  account   = data.aws_caller_identity.current.account_id

  job_name   = "${var.name}-csv-to-parquet"
  role_arn   = var.create_role ? one(aws_iam_role.this[*].arn) : var.role_arn
  entry      = "csv_to_parquet.py"
  log_prefix = var.glue.create_log_groups ? "/aws-glue/${local.job_name}" : var.glue.log_group_prefix

  # https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
  arguments = merge(
    var.glue.default_arguments,
    {
      "--extra-py-files" = join(",", [
        for file in sort(keys(aws_s3_object.script)) : "s3://${var.artifacts_bucket}/${aws_s3_object.script[file].key}"
        if file != local.entry
      ])
      "--job-language"        = "python"
      "--enable-auto-scaling" = tostring(var.glue.autoscaling)
      # Groups of the job's own, so that their retention is the job's own:
      # https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging.html
      "--custom-logGroup-prefix" = local.log_prefix
      # Workers register after the job has begun, so that it would see a part of them only.
      "--task_slots"    = tostring(var.task_slots)
      "--spark_from_mb" = tostring(var.glue.spark_from_mb)
    },
    # The flag counts as set whatever its value.
    var.glue.metrics ? { "--enable-metrics" = "true" } : {},
    length(var.glue.additional_python_modules) == 0 ? {} : {
      "--additional-python-modules" = join(",", var.glue.additional_python_modules)
    },
  )
}

# Nothing is tagged here: S3 allows ten tags per object and bills them, the bucket carries the tags.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
resource "aws_s3_object" "script" {
  for_each = fileset(var.scripts_folder, "*.py")

  bucket       = var.artifacts_bucket
  key          = "${var.artifacts_prefix}scripts/${each.value}"
  source       = "${var.scripts_folder}/${each.value}"
  source_hash  = filemd5("${var.scripts_folder}/${each.value}")
  content_type = "text/x-python"

  override_provider {
    default_tags {
      tags = {}
    }
  }
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = toset(var.glue.create_log_groups ? ["output", "error"] : [])

  name              = "${local.log_prefix}/${each.value}"
  retention_in_days = var.glue.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

# https://docs.aws.amazon.com/glue/latest/dg/set-up-encryption.html
resource "aws_glue_security_configuration" "this" {
  count = var.glue.create_security_configuration ? 1 : 0

  name = var.name

  encryption_configuration {
    cloudwatch_encryption {
      cloudwatch_encryption_mode = "SSE-KMS"
      kms_key_arn                = var.kms_key_arn
    }

    job_bookmarks_encryption {
      job_bookmarks_encryption_mode = "CSE-KMS"
      kms_key_arn                   = var.kms_key_arn
    }

    s3_encryption {
      s3_encryption_mode = "SSE-KMS"
      kms_key_arn        = var.kms_key_arn
    }
  }
}

resource "aws_glue_job" "this" {
  # checkov:skip=CKV_AWS_195:A security configuration wants a KMS key, so it is the caller's choice: glue.create_security_configuration.
  name                   = local.job_name
  description            = "Converts new CSV files to Snappy Parquet and publishes them"
  role_arn               = local.role_arn
  glue_version           = var.glue.version
  worker_type            = var.glue.worker_type
  number_of_workers      = var.glue.number_of_workers
  execution_class        = var.glue.execution_class
  timeout                = var.glue.timeout_minutes
  connections            = var.glue.connections
  security_configuration = local.security_configuration
  default_arguments      = local.arguments
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

  # Glue would make the log groups itself, without retention.
  depends_on = [aws_cloudwatch_log_group.this]
}

locals {
  security_configuration = (
    var.glue.create_security_configuration
    ? one(aws_glue_security_configuration.this[*].name)
    : var.glue.security_configuration
  )
}
