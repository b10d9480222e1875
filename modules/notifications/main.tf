data "aws_partition" "current" {}
data "aws_service_principal" "current" { service_name = "glue" } # for its region: see the root
data "aws_caller_identity" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_service_principal.current.region
  account   = data.aws_caller_identity.current.account_id
  topic_arn = var.create_topic ? one(aws_sns_topic.this[*].arn) : var.topic_arn

  # What a message says of the event, and how it stands in the templates.
  input_paths = {
    name      = "$.detail.name"
    status    = "$.detail.status"
    execution = "$.detail.executionArn"
    time      = "$.time"
  }
  execution_url = "${var.console_url}/states/home?region=${local.region}#/v2/executions/details/<execution>"
}

resource "aws_sns_topic" "this" {
  count = var.create_topic ? 1 : 0

  # checkov:skip=CKV_AWS_26:Encrypted whenever there is a key. SNS's own key is of no use: EventBridge and CloudWatch may not use it.
  name              = "${var.name}-notifications"
  display_name      = var.name
  kms_master_key_id = var.kms_key_arn
  tags              = var.tags
}

data "aws_iam_policy_document" "topic" {
  count = var.create_topic ? 1 : 0

  # Without a condition: EventBridge can publish to no topic whose policy has one for it.
  # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
  statement {
    sid       = "Executions"
    actions   = ["sns:Publish"]
    resources = [one(aws_sns_topic.this[*].arn)]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }

  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
  statement {
    sid       = "Alarms"
    actions   = ["sns:Publish"]
    resources = [one(aws_sns_topic.this[*].arn)]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:cloudwatch:${local.region}:${local.account}:alarm:${var.name}-*"]
    }
  }
}

resource "aws_sns_topic_policy" "this" {
  count = var.create_topic ? 1 : 0

  arn    = one(aws_sns_topic.this[*].arn)
  policy = one(data.aws_iam_policy_document.topic[*].json)
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.create_topic ? var.emails : []

  topic_arn = one(aws_sns_topic.this[*].arn)
  protocol  = "email"
  endpoint  = each.value
}

# https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
resource "aws_cloudwatch_event_rule" "this" {
  name        = "${var.name}-execution-ended-badly"
  description = "Executions of ${var.name} that failed, timed out or were aborted"
  tags        = var.tags

  event_pattern = jsonencode({
    source      = ["aws.states"]
    detail-type = ["Step Functions Execution Status Change"]
    detail = {
      stateMachineArn = [var.state_machine_arn]
      status          = ["FAILED", "TIMED_OUT", "ABORTED"]
    }
  })
}

resource "aws_cloudwatch_event_target" "this" {
  rule      = aws_cloudwatch_event_rule.this.name
  target_id = "notifications"
  arn       = local.topic_arn

  # The cause stays out of the message: it may hold quotes and line breaks, and a template that they break is not
  # delivered at all. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
  input_transformer {
    input_paths = local.input_paths
    # Lines in quotes are one line each of the message.
    input_template = join("\n", [for line in [
      "Execution <name> of ${var.name} ended as <status> at <time>.",
      "Which datasets failed and why: aws stepfunctions describe-execution --execution-arn <execution> --query cause --output text",
      "In the console: ${local.execution_url}",
      "Nothing is half done: published data is as it was. Mend the cause and start again: ${var.start_command}",
    ] : "\"${line}\""])
  }

  # A message that is sent before the policy stands is lost.
  depends_on = [aws_sns_topic_policy.this]
}

# The same for a chat channel: https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
resource "aws_cloudwatch_event_target" "chat" {
  count = var.chat ? 1 : 0

  rule      = aws_cloudwatch_event_rule.this.name
  target_id = "chat"
  arn       = var.chat_topic_arn

  input_transformer {
    input_paths = local.input_paths
    # jsonencode would write < and > as escapes, which EventBridge does not fill in.
    input_template = replace(replace(jsonencode({
      version = "1.0"
      source  = "custom"
      content = {
        textType    = "client-markdown"
        title       = "${var.name}: execution <status>"
        description = "Execution <name> ended as <status> at <time>. Nothing is half done: published data is as it was."
        nextSteps = [
          "Which datasets failed and why: `aws stepfunctions describe-execution --execution-arn <execution> --query cause --output text`",
          "Look at it in the console: ${local.execution_url}",
          "Mend the cause and start again: `${var.start_command}`",
        ]
      }
    }), "\\u003c", "<"), "\\u003e", ">")
  }
}
