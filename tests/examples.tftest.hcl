# Every example is planned with everything unknown that is unknown before the first apply, and applied without AWS.
mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_service_principal" {
    defaults = { region = "eu-central-1" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":\"*\"}]}" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mocked" }
  }
  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/mocked" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::mocked" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:mocked" }
  }
  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-central-1:123456789012:rule/mocked" }
  }
  mock_resource "aws_sfn_state_machine" {
    defaults = { arn = "arn:aws:states:eu-central-1:123456789012:stateMachine:mocked" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:123456789012:mocked" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-central-1:123456789012:mocked" }
  }
}

# The other account of cross-account-landing.
mock_provider "aws" {
  alias = "landing"

  mock_data "aws_caller_identity" {
    defaults = { account_id = "210987654321" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":\"*\"}]}" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::mocked" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:210987654321:key/11111111-2222-3333-4444-555555555555" }
  }
}

run "minimal_says_where_to_upload" {
  command = plan

  module {
    source = "./examples/minimal"
  }

  assert {
    condition     = output.raw_bucket == "orders-minimal-raw-123456789012-eu-central-1"
    error_message = "The bucket is ${output.raw_bucket}."
  }
}

run "complete_takes_a_key_that_does_not_exist_yet" {
  module {
    source = "./examples/complete"
  }

  assert {
    condition     = startswith(output.start_command, "aws stepfunctions start-execution --region eu-central-1 --state-machine-arn arn:aws:states:")
    error_message = "The command is ${output.start_command}."
  }
}

run "bring_your_own_uses_the_brought_buckets" {
  module {
    source = "./examples/bring-your-own"
  }

  assert {
    condition     = alltrue([for dataset, uri in output.upload_uris : uri == "s3://${aws_s3_bucket.platform["landing"].id}/${dataset}/"])
    error_message = "The upload folders are ${jsonencode(output.upload_uris)} and not in the landing bucket."
  }
}

# Planned before the other environment is applied: runs of one configuration share a state, and no bucket changes its name.
run "multi_environment_names_everything_after_prod" {
  command = plan

  module {
    source = "./examples/multi-environment"
  }

  # As in environments/prod.tfvars of the example.
  variables {
    environment = "prod"
    workers     = 20
    emails      = ["data-on-call@example.com"]
  }

  assert {
    condition     = output.upload_uris["support"]["tickets"] == "s3://support-prod-raw-123456789012-eu-central-1/tickets/"
    error_message = "The upload folder is ${output.upload_uris["support"]["tickets"]}."
  }
}

run "multi_environment_names_everything_after_dev" {
  module {
    source = "./examples/multi-environment"
  }

  # As in environments/dev.tfvars of the example.
  variables {
    environment = "dev"
    workers     = 2
    keep_data   = false
  }

  assert {
    condition     = output.upload_uris["sales"]["orders"] == "s3://sales-dev-raw-123456789012-eu-central-1/orders/"
    error_message = "The upload folder is ${output.upload_uris["sales"]["orders"]}."
  }

  assert {
    condition     = length(output.start_commands) == 2
    error_message = "There are not two lakes."
  }
}

run "multi_environment_refuses_an_unknown_environment" {
  command = plan

  module {
    source = "./examples/multi-environment"
  }

  variables {
    environment = "test"
    workers     = 2
  }

  expect_failures = [var.environment]
}

run "platform_wrapper_makes_a_lake_of_every_file" {
  module {
    source = "./examples/platform-wrapper"
  }

  assert {
    condition = jsonencode(output.upload_uris) == jsonencode({
      risk = { ratings = "s3://acme-risk-landing/ratings/" }
      sales = {
        customers = "s3://sales-raw-123456789012-eu-central-1/customers/"
        orders    = "s3://sales-raw-123456789012-eu-central-1/orders/"
      }
    })
    error_message = "The upload folders are ${jsonencode(output.upload_uris)}."
  }
}

run "platform_wrapper_refuses_more_than_a_team_may_have" {
  command = plan

  module {
    source = "./examples/platform-wrapper/team"
  }

  variables {
    name                 = "sales"
    settings             = { datasets = {}, workers = 11 }
    path                 = "/data-platform/"
    permissions_boundary = "arn:aws:iam::123456789012:policy/boundary"
    keep_data            = true
  }

  expect_failures = [var.settings]
}

run "consumer_takes_what_the_wrapper_says" {
  command = plan

  module {
    source = "./examples/consumer"
  }

  variables {
    lake       = run.platform_wrapper_makes_a_lake_of_every_file.lakes["sales"]
    only       = ["orders"]
    assumed_by = ["arn:aws:iam::123456789012:role/data-analyst"]
  }

  assert {
    condition     = keys(aws_iam_role_policy.this) == ["orders"] && output.results_bucket == "analysts-results-123456789012-eu-central-1"
    error_message = "It may read ${jsonencode(keys(aws_iam_role_policy.this))} and its results go to ${output.results_bucket}."
  }
}

run "consumer_refuses_a_dataset_that_the_lake_has_not" {
  command = plan

  module {
    source = "./examples/consumer"
  }

  variables {
    lake       = run.platform_wrapper_makes_a_lake_of_every_file.lakes["sales"]
    only       = ["ratings"]
    assumed_by = ["arn:aws:iam::123456789012:role/data-analyst"]
  }

  expect_failures = [var.only]
}

run "cross_account_landing_lets_another_account_in" {
  command = plan

  module {
    source = "./examples/cross-account-landing"
  }

  providers = {
    aws         = aws
    aws.landing = aws.landing
  }

  variables {
    landing_role_arn = "arn:aws:iam::210987654321:role/terraform"
  }

  assert {
    condition     = output.let_in["job"] == "arn:aws:iam::123456789012:role/orders-job"
    error_message = "It lets ${output.let_in["job"]} in."
  }
}
