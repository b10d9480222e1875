data "aws_partition" "current" {}
data "aws_service_principal" "current" { service_name = "glue" } # for its region: see the root
data "aws_caller_identity" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_service_principal.current.region
  account   = data.aws_caller_identity.current.account_id
  states    = "arn:${local.partition}:states:${local.region}:${local.account}"

  scheduled = var.schedule != null || length(var.dataset_schedules) > 0
  uploads   = var.on_upload != null
  collector = "${var.name}-uploads"
  # Known while planning; whoever logs waits for it.
  log_group_name = var.create_log_group ? "/aws/vendedlogs/states/${local.collector}" : var.log_group_name
  log_group_arn  = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${local.log_group_name}"
  window         = local.uploads ? var.on_upload.window_seconds : 0
  all_uploads    = jsonencode(local.pattern)
  some_uploads   = jsonencode(merge(local.pattern, { detail = merge(local.pattern.detail, { object = local.objects }) }))
  objects        = { key = [for prefix in distinct(values(var.sources)[*].prefix) : { prefix = prefix }] }
  pattern = {
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail      = { bucket = { name = distinct(values(var.sources)[*].bucket) } }
  }

  # All uploads of one window ask for an execution of the same name: the first one starts it, Step Functions answers the
  # others with that execution or with ExecutionAlreadyExists:
  # https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
  # It waits until the window has ended and then lists S3, so it sees every upload of its window.
  ends = "$fromMillis(($floor($toMillis($states.context.Execution.StartTime) / ${local.window * 1000}) + 1) * ${local.window * 1000}, '[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01]Z')"
  collect = jsonencode({
    Comment        = "Uploads of one time window start one execution of ${var.name}."
    QueryLanguage  = "JSONata"
    TimeoutSeconds = 240
    StartAt        = "Start one execution per window"
    States = {
      "Start one execution per window" = {
        Type     = "Task"
        Resource = "arn:${local.partition}:states:::aws-sdk:sfn:startExecution"
        Arguments = {
          StateMachineArn = var.state_machine_arn
          Name            = "{% 'upload-' & $replace(${local.ends}, /[^0-9TZ]/, '') %}"
          Input           = "{% $string({'wait_until': ${local.ends}}) %}"
        }
        TimeoutSeconds = 30
        Retry = [{
          # Being throttled has no exception of its own in Step Functions, only the service's general one.
          ErrorEquals     = ["Sfn.SdkClientException", "Sfn.SfnException", "States.Timeout"]
          IntervalSeconds = 1
          BackoffRate     = 2
          MaxDelaySeconds = 20
          MaxAttempts     = 8
          JitterStrategy  = "FULL"
        }]
        Catch = [
          { ErrorEquals = ["Sfn.ExecutionAlreadyExistsException"], Output = {}, Next = "Already asked for" },
          { ErrorEquals = ["States.ALL"], Next = "Could not start" },
        ]
        Output = {}
        End    = true
      }
      "Already asked for" = { Type = "Succeed" }
      "Could not start" = {
        Type  = "Fail"
        Error = "UploadNotTaken"
        Cause = "{% 'The upload did not start ${var.name}: ' & $states.input.Error & ': ' & $states.input.Cause & '. The next upload or schedule makes up for it.' %}"
      }
    }
  })
}

# --- by the clock

resource "aws_scheduler_schedule" "this" {
  count = var.schedule != null ? 1 : 0

  # checkov:skip=CKV_AWS_297:There is nothing to encrypt, the payload is {}.
  name                         = var.name
  description                  = "Starts ${var.name}"
  schedule_expression          = var.schedule.expression
  schedule_expression_timezone = var.schedule.timezone
  state                        = var.schedule.enabled ? "ENABLED" : "DISABLED"

  flexible_time_window {
    mode                      = var.schedule.window_minutes > 0 ? "FLEXIBLE" : "OFF"
    maximum_window_in_minutes = var.schedule.window_minutes > 0 ? var.schedule.window_minutes : null
  }

  target {
    arn      = var.state_machine_arn
    role_arn = one(aws_iam_role.schedule[*].arn)
    input    = jsonencode({})

    dynamic "dead_letter_config" {
      for_each = aws_sqs_queue.dead_letters

      content {
        arn = dead_letter_config.value.arn
      }
    }
  }
}

resource "aws_scheduler_schedule" "dataset" {
  for_each = var.dataset_schedules

  # checkov:skip=CKV_AWS_297:There is nothing to encrypt, the payload is the name of a dataset and a time.
  name                         = "${var.name}-${each.key}"
  description                  = "Starts ${var.name} for ${each.key}"
  schedule_expression          = each.value.expression
  schedule_expression_timezone = each.value.timezone
  state                        = each.value.enabled ? "ENABLED" : "DISABLED"

  flexible_time_window {
    mode                      = each.value.window_minutes > 0 ? "FLEXIBLE" : "OFF"
    maximum_window_in_minutes = each.value.window_minutes > 0 ? each.value.window_minutes : null
  }

  target {
    arn      = var.state_machine_arn
    role_arn = one(aws_iam_role.schedule[*].arn)
    # An execution that was given a time to wait for never leaves its work to an older one, which may be over other
    # datasets. Scheduler fills in the time, which has come by then; jsonencode would write < and > as escapes.
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    input = replace(replace(jsonencode({
      datasets   = [each.key]
      wait_until = "<aws.scheduler.scheduled-time>"
    }), "\\u003c", "<"), "\\u003e", ">")

    dynamic "dead_letter_config" {
      for_each = aws_sqs_queue.dead_letters

      content {
        arn = dead_letter_config.value.arn
      }
    }
  }
}

# --- by uploads

resource "aws_s3_bucket_notification" "this" {
  for_each = local.uploads && try(var.on_upload.manage_notifications, false) ? var.source_buckets : {}

  bucket      = each.value
  eventbridge = true
}

resource "aws_cloudwatch_event_rule" "upload" {
  count = local.uploads ? 1 : 0

  name        = local.collector
  description = "CSV files for ${var.name} have arrived"
  # A pattern has at most 2,048 characters. With more prefixes than that any upload to the buckets counts; an execution
  # that finds nothing new starts no job. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
  event_pattern = length(local.some_uploads) <= 2048 ? local.some_uploads : local.all_uploads
  tags          = var.tags
}

resource "aws_cloudwatch_event_target" "upload" {
  count = local.uploads ? 1 : 0

  rule     = one(aws_cloudwatch_event_rule.upload[*].name)
  arn      = one(aws_sfn_state_machine.upload[*].arn)
  role_arn = one(aws_iam_role.rule[*].arn)

  dynamic "dead_letter_config" {
    for_each = aws_sqs_queue.dead_letters

    content {
      arn = dead_letter_config.value.arn
    }
  }
}

resource "aws_cloudwatch_log_group" "upload" {
  count = local.uploads && var.create_log_group ? 1 : 0

  name              = local.log_group_name
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

resource "aws_sfn_state_machine" "upload" {
  count = local.uploads ? 1 : 0

  # checkov:skip=CKV_AWS_284:One step per upload; a trace would show nothing that its log does not.
  # checkov:skip=CKV_AWS_285:Its data are the names of uploaded objects, which stay out of the logs; errors are logged.
  name       = local.collector
  type       = "EXPRESS"
  role_arn   = one(aws_iam_role.collector[*].arn)
  definition = local.collect
  tags       = var.tags

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = false
    log_destination        = "${local.log_group_arn}:*"
  }

  dynamic "encryption_configuration" {
    for_each = var.state_machine_key_arn == null ? [] : [var.state_machine_key_arn]

    content {
      type       = "CUSTOMER_MANAGED_KMS_KEY"
      kms_key_id = encryption_configuration.value
      # Data keys are asked for this often; the longest that Step Functions allows:
      # https://docs.aws.amazon.com/step-functions/latest/apireference/API_EncryptionConfiguration.html
      kms_data_key_reuse_period_seconds = 900
    }
  }

  depends_on = [aws_iam_role_policy.collector, aws_cloudwatch_log_group.upload]
}
