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

run "refuses_more_looks_at_crawlers_than_a_history_holds" {
  command = plan

  module {
    source = "./modules/workflow"
  }

  # 100 crawls of up to half an hour.
  variables {
    datasets = {
      for number in range(100) : "dataset_${number}" => {
        contract_key     = "contracts/dataset_${number}.json"
        raw_table        = "raw_dataset_${number}"
        parquet_table    = "dataset_${number}"
        quarantine_table = "dataset_${number}_quarantine"
        source_bucket    = "raw"
        source_prefix    = "dataset_${number}/"
        crawler_name     = "crawler_${number}"
      }
    }
    crawler_names = [for number in range(100) : "crawler_${number}"]
    timeouts      = { crawler_seconds = 7200, crawler_poll_seconds = 15 }
  }

  expect_failures = [aws_sfn_state_machine.this]
}

run "accepts_as_many_crawlers_that_are_looked_at_less_often" {
  command = plan

  module {
    source = "./modules/workflow"
  }

  variables {
    datasets = {
      for number in range(100) : "dataset_${number}" => {
        contract_key     = "contracts/dataset_${number}.json"
        raw_table        = "raw_dataset_${number}"
        parquet_table    = "dataset_${number}"
        quarantine_table = "dataset_${number}_quarantine"
        source_bucket    = "raw"
        source_prefix    = "dataset_${number}/"
        crawler_name     = "crawler_${number}"
      }
    }
    crawler_names = [for number in range(100) : "crawler_${number}"]
    timeouts      = { crawler_seconds = 7200, crawler_poll_seconds = 60 }
  }

  assert {
    condition     = output.history_events == 22912
    error_message = "It may come to ${output.history_events} events."
  }
}

run "refuses_to_let_many_datasets_queue_for_the_job" {
  command = plan

  module {
    source = "./modules/workflow"
  }

  variables {
    max_concurrency = 5
    glue_job_runs   = 4
  }

  expect_failures = [aws_sfn_state_machine.this]
}

run "accepts_as_many_datasets_that_convert_when_they_want_to" {
  command = plan

  module {
    source = "./modules/workflow"
  }

  variables {
    max_concurrency = 4
    glue_job_runs   = 4
  }

  assert {
    condition     = output.history_events == 20812
    error_message = "It may come to ${output.history_events} events."
  }
}

# However often it looks, and however long it waits: the pauses grow.
run "accepts_a_look_for_other_executions_every_second_of_a_year" {
  command = plan

  module {
    source = "./modules/workflow"
  }

  variables {
    timeouts = { execution_seconds = 31536000, overlap_poll_seconds = 1 }
  }

  assert {
    condition     = output.history_events < 22500
    error_message = "It may come to ${output.history_events} events."
  }
}
