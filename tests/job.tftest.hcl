# The Glue job with its scripts and contracts.
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
  name             = "shop"
  database_name    = "shop"
  raw_bucket       = "raw"
  lake_bucket      = "lake"
  artifacts_bucket = "artifacts"
  artifacts_prefix = "tools/"
  scripts_folder   = "glue_scripts"
  contracts        = { orders = "{}" }
  tables           = ["raw_orders", "orders", "orders_quarantine"]
  source_prefixes  = ["in/orders/"]
  task_slots       = 4
  glue = {
    version                       = "5.1"
    worker_type                   = "G.1X"
    number_of_workers             = 2
    autoscaling                   = true
    spark_from_mb                 = 512
    execution_class               = "STANDARD"
    timeout_minutes               = 60
    max_concurrent_runs           = 4
    metrics                       = true
    log_retention_days            = 30
    connections                   = []
    create_security_configuration = false
    additional_python_modules     = []
    default_arguments             = { "--conf" = "spark.sql.shuffle.partitions=8" }
  }
}

run "the_job_gets_every_script_as_plain_files" {
  command = plan

  module {
    source = "./modules/job"
  }

  assert {
    condition     = aws_glue_job.this.command[0].script_location == "s3://artifacts/tools/scripts/csv_to_parquet.py"
    error_message = "The script lies at ${aws_glue_job.this.command[0].script_location}."
  }

  assert {
    condition = toset(concat(split(",", aws_glue_job.this.default_arguments["--extra-py-files"]), [aws_glue_job.this.command[0].script_location])) == toset([
      for file in fileset("glue_scripts", "*.py") : "s3://artifacts/tools/scripts/${file}"
    ])
    error_message = "The modules are ${aws_glue_job.this.default_arguments["--extra-py-files"]}."
  }

  assert {
    condition = (
      aws_glue_job.this.default_arguments["--custom-logGroup-prefix"] == "/aws-glue/shop-csv-to-parquet" &&
      toset([for group in aws_cloudwatch_log_group.this : group.name]) == toset(["/aws-glue/shop-csv-to-parquet/output", "/aws-glue/shop-csv-to-parquet/error"]) &&
      alltrue([for group in aws_cloudwatch_log_group.this : group.retention_in_days == 30])
    )
    error_message = "The job writes to other log groups than those with a retention."
  }

  assert {
    condition     = aws_glue_job.this.default_arguments["--conf"] == "spark.sql.shuffle.partitions=8"
    error_message = "The caller's argument was lost."
  }

  assert {
    condition     = aws_glue_job.this.default_arguments["--task_slots"] == "4" && aws_glue_job.this.default_arguments["--spark_from_mb"] == "512"
    error_message = "The job is not told how many tasks its workers can run."
  }
}

run "a_job_in_a_landing_zone" {
  command = plan

  module {
    source = "./modules/job"
  }

  variables {
    create_role = false
    role_arn    = "arn:aws:iam::123456789012:role/platform-job"
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1"
    glue = merge(var.glue, {
      execution_class           = "FLEX"
      autoscaling               = false
      spark_from_mb             = 512
      metrics                   = false
      connections               = ["warehouse"]
      security_configuration    = "platform"
      additional_python_modules = ["pyarrow==22.0.0"]
    })
  }

  assert {
    condition = jsonencode([
      aws_glue_job.this.role_arn, aws_glue_job.this.execution_class, aws_glue_job.this.connections, aws_glue_job.this.security_configuration,
      aws_glue_job.this.default_arguments["--enable-auto-scaling"], aws_glue_job.this.default_arguments["--additional-python-modules"],
    ]) == jsonencode(["arn:aws:iam::123456789012:role/platform-job", "FLEX", ["warehouse"], "platform", "false", "pyarrow==22.0.0"])
    error_message = "The job is ${jsonencode(aws_glue_job.this)}."
  }

  assert {
    condition     = !contains(keys(aws_glue_job.this.default_arguments), "--enable-metrics")
    error_message = "The argument turns metrics on whatever its value."
  }

  assert {
    condition     = length(aws_iam_role.this) + length(aws_iam_role_policy.this) + length(aws_glue_security_configuration.this) == 0
    error_message = "A role or a security configuration is created although both are brought."
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : group.kms_key_id == "arn:aws:kms:eu-central-1:123456789012:key/1"])
    error_message = "The logs are not encrypted with the key."
  }
}

run "a_security_configuration_of_its_own" {
  command = plan

  module {
    source = "./modules/job"
  }

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1"
    glue        = merge(var.glue, { create_security_configuration = true })
  }

  assert {
    condition = jsonencode([
      for encryption in aws_glue_security_configuration.this[0].encryption_configuration : [
        encryption.cloudwatch_encryption[0].kms_key_arn, encryption.job_bookmarks_encryption[0].kms_key_arn, encryption.s3_encryption[0].kms_key_arn,
      ]
      ]) == jsonencode([[
        "arn:aws:kms:eu-central-1:123456789012:key/1", "arn:aws:kms:eu-central-1:123456789012:key/1", "arn:aws:kms:eu-central-1:123456789012:key/1",
    ]])
    error_message = "Something is not encrypted with the key."
  }

  assert {
    condition     = aws_glue_job.this.security_configuration == "shop" && output.security_configuration == "shop"
    error_message = "The job does not use it."
  }
}

# The state machine reads a contract within its 256 KiB, which count in bytes.
run "accepts_a_long_contract_that_the_state_machine_can_read" {
  command = plan

  module {
    source = "./modules/job"
  }

  variables {
    contracts = { wide = jsonencode([for number in range(1000) : join("", [for letter in range(170) : "u"])]) }
  }

  assert {
    condition     = length(aws_s3_object.contract["wide"].content) > 160000 && aws_s3_object.contract["wide"].key == "tools/contracts/wide.json"
    error_message = "It has only ${length(aws_s3_object.contract["wide"].content)} characters."
  }
}

run "refuses_as_many_characters_of_two_bytes" {
  command = plan

  module {
    source = "./modules/job"
  }

  variables {
    contracts = { wide = jsonencode([for number in range(1000) : join("", [for letter in range(170) : "ü"])]) }
  }

  expect_failures = [aws_s3_object.contract]
}
