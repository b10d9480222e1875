# What Step Functions could not carry is refused while planning.
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_service_principal" {
    defaults = { region = "eu-central-1" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
}

variables {
  name               = "shop"
  templates_folder   = "sfn"
  database_name      = "shop"
  glue_job_name      = "shop"
  lake_bucket        = "lake"
  artifacts_bucket   = "artifacts"
  athena_workgroup   = "shop"
  athena_results_uri = "s3://lake/athena-results/"
  datasets = {
    for number in range(200) : "dataset_${number}" => {
      contract_key     = "contracts/dataset_${number}.json"
      raw_table        = "raw_dataset_${number}"
      parquet_table    = "dataset_${number}"
      quarantine_table = "dataset_${number}_quarantine"
      source_bucket    = "raw"
      source_prefix    = "dataset_${number}/"
    }
  }
}

run "refuses_views_that_read_more_than_a_state_can_be_given" {
  command = plan

  module {
    source = "./modules/workflow"
  }

  # A view that reads a view counts as reading what all before it read: here, 200 tables each.
  variables {
    views = [for number in range(100) : { name = "view_${number}", sql = "SELECT * FROM v_dataset_0" }]
  }

  expect_failures = [aws_sfn_state_machine.this]
}

run "accepts_as_many_views_that_read_a_table" {
  command = plan

  module {
    source = "./modules/workflow"
  }

  variables {
    views = [for number in range(100) : { name = "view_${number}", sql = "SELECT * FROM dataset_0" }]
  }

  assert {
    condition     = length(jsondecode(output.definition).States["Create Athena views"].Items) == 300
    error_message = "Views are missing."
  }
}
