locals {
  # Who assumes which role, and the one thing that may do so on their behalf.
  assumed_by = {
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    schedule = {
      service = "scheduler.amazonaws.com"
      source  = "arn:${local.partition}:scheduler:${local.region}:${local.account}:schedule-group/default"
    }
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/cross-service-confused-deputy-prevention.html
    rule = {
      service = "events.amazonaws.com"
      source  = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${local.collector}"
    }
    # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
    collector = {
      service = "states.amazonaws.com"
      source  = "${local.states}:stateMachine:${local.collector}"
    }
  }
}

data "aws_iam_policy_document" "assume" {
  for_each = local.assumed_by

  statement {
    sid     = "Assume"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [each.value.service]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = [each.value.source]
    }
  }
}

# --- the schedule starts the pipeline: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html

data "aws_iam_policy_document" "schedule" {
  statement {
    sid       = "StartPipeline"
    actions   = ["states:StartExecution"]
    resources = [var.state_machine_arn]
  }

  dynamic "statement" {
    for_each = var.state_machine_key_arn == null ? [] : [var.state_machine_key_arn]

    content {
      # Whoever starts an execution that is encrypted: https://github.com/aws-samples/aws-stepfunctions-examples/pull/74
      sid       = "UseStateMachineKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:EncryptionContext:aws:states:stateMachineArn"
        values   = [var.state_machine_arn]
      }
    }
  }

  dynamic "statement" {
    for_each = var.dead_letters ? [true] : []

    content {
      # https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
      sid       = "KeepDeadLetters"
      actions   = ["sqs:SendMessage"]
      resources = [local.dead_letter_queue_arn]
    }
  }
}

resource "aws_iam_role" "schedule" {
  count = local.scheduled ? 1 : 0

  name                 = "${var.name}-schedule${var.global_suffix}"
  path                 = var.role_path
  description          = "Schedule of ${var.name}"
  permissions_boundary = var.permissions_boundary
  assume_role_policy   = data.aws_iam_policy_document.assume["schedule"].json
  tags                 = var.tags
}

resource "aws_iam_role_policy" "schedule" {
  count = local.scheduled ? 1 : 0

  name   = "schedule"
  role   = one(aws_iam_role.schedule[*].id)
  policy = data.aws_iam_policy_document.schedule.json
}

# --- an upload starts the collector: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-identity-based.html

data "aws_iam_policy_document" "rule" {
  statement {
    sid       = "StartCollector"
    actions   = ["states:StartExecution"]
    resources = ["${local.states}:stateMachine:${local.collector}"]
  }

  dynamic "statement" {
    for_each = var.state_machine_key_arn == null ? [] : [var.state_machine_key_arn]

    content {
      # Whoever starts an execution that is encrypted: https://github.com/aws-samples/aws-stepfunctions-examples/pull/74
      sid       = "UseStateMachineKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:EncryptionContext:aws:states:stateMachineArn"
        values   = ["${local.states}:stateMachine:${local.collector}"]
      }
    }
  }
}

resource "aws_iam_role" "rule" {
  count = local.uploads ? 1 : 0

  name                 = "${var.name}-upload-rule${var.global_suffix}"
  path                 = var.role_path
  description          = "Upload rule of ${var.name}"
  permissions_boundary = var.permissions_boundary
  assume_role_policy   = data.aws_iam_policy_document.assume["rule"].json
  tags                 = var.tags
}

resource "aws_iam_role_policy" "rule" {
  count = local.uploads ? 1 : 0

  name   = "upload-rule"
  role   = one(aws_iam_role.rule[*].id)
  policy = data.aws_iam_policy_document.rule.json
}

# --- the collector starts the pipeline once per window

data "aws_iam_policy_document" "collector" {
  # https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
  statement {
    sid       = "StartPipeline"
    actions   = ["states:StartExecution"]
    resources = [var.state_machine_arn]
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
    for_each = var.state_machine_key_arn == null ? [] : [var.state_machine_key_arn]

    content {
      # For its own executions, and as whoever starts one that is encrypted: https://github.com/aws-samples/aws-stepfunctions-examples/pull/74
      sid       = "UseStateMachineKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:EncryptionContext:aws:states:stateMachineArn"
        values   = ["${local.states}:stateMachine:${local.collector}", var.state_machine_arn]
      }
    }
  }

  dynamic "statement" {
    for_each = var.state_machine_key_arn == null ? [] : [var.state_machine_key_arn]

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

resource "aws_iam_role" "collector" {
  count = local.uploads ? 1 : 0

  name                 = "${var.name}-uploads${var.global_suffix}"
  path                 = var.role_path
  description          = "State machine ${local.collector}"
  permissions_boundary = var.permissions_boundary
  assume_role_policy   = data.aws_iam_policy_document.assume["collector"].json
  tags                 = var.tags
}

resource "aws_iam_role_policy" "collector" {
  count = local.uploads ? 1 : 0

  name   = "uploads"
  role   = one(aws_iam_role.collector[*].id)
  policy = data.aws_iam_policy_document.collector.json
}
