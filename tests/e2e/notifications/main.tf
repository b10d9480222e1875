# One state machine that fails, and three topics that are to tell of it: without a key, with a key whose policy is the one
# of docs/security.md, and with a key that knows nothing of EventBridge.
provider "aws" {}

data "aws_caller_identity" "current" {}

locals {
  # https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
  owner = {
    Effect    = "Allow"
    Action    = "kms:*"
    Resource  = "*"
    Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:root" }
  }
  # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
  for_events = {
    Effect    = "Allow"
    Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
    Resource  = "*"
    Principal = { Service = "events.amazonaws.com" }
  }
  topics = {
    plain     = null
    encrypted = aws_kms_key.this["documented"].arn
    locked    = aws_kms_key.this["owner_only"].arn
  }
}

resource "aws_kms_key" "this" {
  for_each = { documented = [local.owner, local.for_events], owner_only = [local.owner] }

  policy = jsonencode({ Version = "2012-10-17", Statement = each.value })
}

resource "aws_iam_role" "this" {
  name = "told"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "states.amazonaws.com" } }]
  })
}

resource "aws_sfn_state_machine" "this" {
  name     = "told"
  role_arn = aws_iam_role.this.arn

  # Quotes and line breaks, which a message could not carry.
  definition = jsonencode({
    StartAt = "Fail"
    States  = { Fail = { Type = "Fail", Error = "PipelineFailed", Cause = "2 of 3 failed:\nDataset \"orders\": {no}" } }
  })
}

module "notifications" {
  source   = "../../../modules/notifications"
  for_each = local.topics

  name              = "told-${each.key}"
  state_machine_arn = aws_sfn_state_machine.this.arn
  start_command     = "aws stepfunctions start-execution --state-machine-arn ${aws_sfn_state_machine.this.arn}"
  console_url       = "https://us-east-1.console.aws.amazon.com"
  kms_key_arn       = each.value
}
