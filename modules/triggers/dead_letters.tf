# What could not be delivered: the schedule sends it with its role, the rule as EventBridge.
locals {
  dead_letter_queue     = "${var.name}-not-delivered"
  dead_letter_queue_arn = "arn:${local.partition}:sqs:${local.region}:${local.account}:${local.dead_letter_queue}"
}

resource "aws_sqs_queue" "dead_letters" {
  count = var.dead_letters ? 1 : 0

  # checkov:skip=CKV_AWS_27:Encrypted with SQS's own key, which every service may use; there are no data in it, only events.
  name                      = local.dead_letter_queue
  message_retention_seconds = 14 * 24 * 60 * 60
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html#eb-dlq-perms
data "aws_iam_policy_document" "dead_letters" {
  statement {
    sid       = "Rule"
    actions   = ["sqs:SendMessage"]
    resources = [local.dead_letter_queue_arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.assumed_by.rule.source]
    }
  }
}

resource "aws_sqs_queue_policy" "dead_letters" {
  count = var.dead_letters && local.uploads ? 1 : 0

  queue_url = one(aws_sqs_queue.dead_letters[*].url)
  policy    = data.aws_iam_policy_document.dead_letters.json
}
