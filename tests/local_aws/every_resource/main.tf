terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}
data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
resource "aws_kms_key" "this" {
  description             = "x"
  enable_key_rotation     = true
  deletion_window_in_days = 7
  policy                  = jsonencode({ Version = "2012-10-17", Statement = [{ Sid = "root", Effect = "Allow", Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.this.account_id}:root" }, Action = "kms:*", Resource = "*" }, { Sid = "logs", Effect = "Allow", Principal = { Service = "logs.us-east-1.amazonaws.com" }, Action = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"], Resource = "*" }, { Sid = "delivery", Effect = "Allow", Principal = { Service = "delivery.logs.amazonaws.com" }, Action = "kms:Decrypt*", Resource = "*" }] })
}
resource "aws_kms_alias" "this" {
  name          = "alias/x"
  target_key_id = aws_kms_key.this.key_id
}
resource "aws_s3_bucket" "this" {
  bucket        = "plan-bucket-x"
  force_destroy = true
  tags          = { a = "b" }
}
resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}
resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}
resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id
  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.this.arn
    }
  }
}
resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id
  versioning_configuration {
    status = "Enabled"
  }
}
resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Sid = "tls", Effect = "Deny", Principal = "*", Action = "s3:*", Resource = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"], Condition = { Bool = { "aws:SecureTransport" = "false" } } }] })
}
resource "aws_s3_bucket_notification" "this" {
  bucket      = aws_s3_bucket.this.id
  eventbridge = true
}
resource "aws_s3_bucket_logging" "this" {
  bucket        = aws_s3_bucket.this.id
  target_bucket = aws_s3_bucket.this.id
  target_prefix = "logs/"
}
resource "aws_s3_object" "this" {
  bucket       = aws_s3_bucket.this.id
  key          = "a/b.json"
  content      = "{}"
  content_type = "application/json"
}
resource "aws_iam_role" "events" {
  name               = "plan-events"
  path               = "/x/"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { Service = ["events.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com", "glue.amazonaws.com"] }, Action = "sts:AssumeRole" }] })
}
resource "aws_iam_role_policy" "events" {
  name   = "p"
  role   = aws_iam_role.events.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })
}
resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/vendedlogs/states/plan"
  retention_in_days = 30
  kms_key_id        = aws_kms_key.this.arn
}
resource "aws_sfn_state_machine" "this" {
  name       = "plan-machine"
  role_arn   = aws_iam_role.events.arn
  definition = jsonencode({ StartAt = "A", States = { A = { Type = "Succeed" } } })
  logging_configuration {
    level                  = "ERROR"
    include_execution_data = false
    log_destination        = "${aws_cloudwatch_log_group.this.arn}:*"
  }
  tracing_configuration {
    enabled = true
  }
  encryption_configuration {
    type                              = "CUSTOMER_MANAGED_KMS_KEY"
    kms_key_id                        = aws_kms_key.this.arn
    kms_data_key_reuse_period_seconds = 300
  }
  tags       = { a = "b" }
  depends_on = [aws_iam_role_policy.events]
}
resource "aws_sns_topic" "this" {
  name              = "plan-topic"
  kms_master_key_id = aws_kms_key.this.arn
}
resource "aws_sns_topic_policy" "this" {
  arn    = aws_sns_topic.this.arn
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Sid = "e", Effect = "Allow", Principal = { Service = "events.amazonaws.com" }, Action = "sns:Publish", Resource = aws_sns_topic.this.arn }] })
}
resource "aws_sns_topic_subscription" "this" {
  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = "a@example.com"
}
resource "aws_sqs_queue" "this" {
  name              = "plan-queue"
  kms_master_key_id = aws_kms_key.this.arn
}
resource "aws_cloudwatch_event_rule" "this" {
  name          = "plan-rule"
  event_pattern = jsonencode({ source = ["aws.states"], detail = { status = ["FAILED"] } })
}
resource "aws_cloudwatch_event_target" "sns" {
  rule = aws_cloudwatch_event_rule.this.name
  arn  = aws_sns_topic.this.arn
  input_transformer {
    input_paths    = { name = "$.detail.name" }
    input_template = "\"The execution <name> failed.\""
  }
}
resource "aws_cloudwatch_event_target" "sfn" {
  rule     = aws_cloudwatch_event_rule.this.name
  arn      = aws_sfn_state_machine.this.arn
  role_arn = aws_iam_role.events.arn
  input    = jsonencode({ a = 1 })
  retry_policy {
    maximum_retry_attempts       = 3
    maximum_event_age_in_seconds = 600
  }
  dead_letter_config {
    arn = aws_sqs_queue.this.arn
  }
}
resource "aws_scheduler_schedule" "this" {
  name                         = "plan-schedule"
  schedule_expression          = "cron(0 3 * * ? *)"
  schedule_expression_timezone = "Europe/Berlin"
  state                        = "ENABLED"
  kms_key_arn                  = aws_kms_key.this.arn
  flexible_time_window {
    mode = "OFF"
  }
  target {
    arn      = aws_sfn_state_machine.this.arn
    role_arn = aws_iam_role.events.arn
    input    = jsonencode({})
    retry_policy {
      maximum_retry_attempts = 0
    }
  }
}
resource "aws_cloudwatch_metric_alarm" "failed" {
  alarm_name          = "plan-failed"
  alarm_description   = "d"
  namespace           = "AWS/States"
  metric_name         = "ExecutionsFailed"
  dimensions          = { StateMachineArn = aws_sfn_state_machine.this.arn }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
  tags                = { a = "b" }
}
resource "aws_cloudwatch_metric_alarm" "expr" {
  alarm_name          = "plan-expr"
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "LessThanThreshold"
  treat_missing_data  = "breaching"
  metric_query {
    id          = "e"
    expression  = "FILL(m, 0)"
    label       = "x"
    return_data = true
  }
  metric_query {
    id = "m"
    metric {
      namespace   = "AWS/States"
      metric_name = "ExecutionsSucceeded"
      dimensions  = { StateMachineArn = aws_sfn_state_machine.this.arn }
      period      = 3600
      stat        = "Sum"
    }
  }
}
resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = "plan-dashboard"
  dashboard_body = jsonencode({ widgets = [{ type = "metric", x = 0, y = 0, width = 12, height = 6, properties = { region = "us-east-1", title = "t", metrics = [["AWS/States", "ExecutionsFailed", "StateMachineArn", aws_sfn_state_machine.this.arn]], stat = "Sum", period = 300 } }] })
}
resource "aws_glue_catalog_database" "this" {
  name         = "plan_db"
  description  = "d"
  location_uri = "s3://plan-bucket-x/"
  tags         = { a = "b" }
}
resource "aws_glue_security_configuration" "this" {
  name = "plan-sec"
  encryption_configuration {
    cloudwatch_encryption {
      cloudwatch_encryption_mode = "SSE-KMS"
      kms_key_arn                = aws_kms_key.this.arn
    }
    job_bookmarks_encryption {
      job_bookmarks_encryption_mode = "CSE-KMS"
      kms_key_arn                   = aws_kms_key.this.arn
    }
    s3_encryption {
      s3_encryption_mode = "SSE-KMS"
      kms_key_arn        = aws_kms_key.this.arn
    }
  }
}
resource "aws_glue_classifier" "this" {
  name = "plan-csv"
  csv_classifier {
    delimiter              = ";"
    quote_symbol           = "'"
    contains_header        = "PRESENT"
    allow_single_column    = true
    disable_value_trimming = true
    header                 = ["a", "b"]
  }
}
resource "aws_glue_crawler" "this" {
  name                   = "plan-crawler"
  role                   = aws_iam_role.events.arn
  database_name          = aws_glue_catalog_database.this.name
  classifiers            = [aws_glue_classifier.this.name]
  table_prefix           = "raw_"
  security_configuration = aws_glue_security_configuration.this.name
  configuration          = jsonencode({ Version = 1, Grouping = { TableGroupingPolicy = "CombineCompatibleSchemas" } })
  recrawl_policy {
    recrawl_behavior = "CRAWL_EVERYTHING"
  }
  schema_change_policy {
    delete_behavior = "LOG"
    update_behavior = "UPDATE_IN_DATABASE"
  }
  s3_target {
    path       = "s3://plan-bucket-x/a/"
    exclusions = ["**.tmp"]
  }
  tags = { a = "b" }
}
resource "aws_glue_connection" "this" {
  name            = "plan-network"
  connection_type = "NETWORK"
  physical_connection_requirements {
    availability_zone      = "us-east-1a"
    subnet_id              = "subnet-123456"
    security_group_id_list = ["sg-123456"]
  }
}
resource "aws_glue_job" "this" {
  name                   = "plan-job"
  role_arn               = aws_iam_role.events.arn
  glue_version           = "5.0"
  worker_type            = "G.1X"
  number_of_workers      = 2
  timeout                = 60
  max_retries            = 0
  execution_class        = "STANDARD"
  security_configuration = aws_glue_security_configuration.this.name
  connections            = [aws_glue_connection.this.name]
  execution_property {
    max_concurrent_runs = 5
  }
  command {
    script_location = "s3://plan-bucket-x/a.py"
    python_version  = "3"
  }
  default_arguments = { "--a" = "b" }
  notification_property {
    notify_delay_after = 30
  }
  tags = { a = "b" }
}
resource "aws_athena_workgroup" "this" {
  name          = "plan-wg"
  force_destroy = true
  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = 10737418240
    result_configuration {
      output_location = "s3://plan-bucket-x/r/"
      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = aws_kms_key.this.arn
      }
    }
    engine_version {
      selected_engine_version = "Athena engine version 3"
    }
  }
  tags = { a = "b" }
}
resource "aws_athena_named_query" "this" {
  name      = "q"
  workgroup = aws_athena_workgroup.this.name
  database  = aws_glue_catalog_database.this.name
  query     = "SELECT 1"
}
