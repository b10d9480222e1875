# What the job and the state machine read: the contract of each dataset.
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
  glue = {
    version                       = "5.1"
    worker_type                   = "G.1X"
    number_of_workers             = 2
    autoscaling                   = true
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
  datasets = {
    orders = {
      prefix           = "in/orders/"
      raw_table        = "raw_orders"
      parquet_table    = "orders"
      quarantine_table = "orders_quarantine"
      partition_keys   = [{ name = "month", type = "string" }]
      columns = [
        { name = "order_id", type = "bigint", source = "Order No.", required = true, format = null, comment = "unique" },
        { name = "amount", type = "decimal(12,2)", source = null, required = false, format = null, comment = "" },
      ]
      csv = {
        delimiter   = ";", quote = "'", escape = "\\", header = true, encoding = "cp1252", null_values = ["", "NULL"], comment = null,
        date_format = null, timestamp_format = null, quoted_newlines = true, trim = false
      }
      schema_drift       = "fail", max_bad_fraction = 0.01, max_bad_rows = null, on_source_removed = "keep", on_unmatched = "fail",
      on_contract_change = "reconvert", target_file_mb = 128, retain_superseded_hours = 24
    }
    stores = {
      prefix           = "stores/"
      raw_table        = "raw_stores"
      parquet_table    = "stores"
      quarantine_table = "stores_quarantine"
      crawler_name     = "shop-stores"
      partition_keys   = []
      columns          = []
      csv = {
        delimiter   = ",", quote = "\"", escape = null, header = true, encoding = "utf-8", null_values = [""], comment = null,
        date_format = null, timestamp_format = null, quoted_newlines = true, trim = false
      }
      schema_drift       = "fail", max_bad_fraction = 0.01, max_bad_rows = null, on_source_removed = "keep", on_unmatched = "fail",
      on_contract_change = "reconvert", target_file_mb = 128, retain_superseded_hours = 24
    }
  }
}

run "a_declared_partitioned_dataset" {
  command = plan

  module {
    source = "./modules/job"
  }

  assert {
    condition     = aws_s3_object.contract["orders"].key == "tools/contracts/orders.json"
    error_message = "The contract lies at ${aws_s3_object.contract["orders"].key}."
  }

  assert {
    condition = jsonencode({
      for key, value in jsondecode(aws_s3_object.contract["orders"].content) : key => value
      if contains(["source_uri", "lake_uri", "database", "raw_table", "parquet_table", "quarantine_table", "partition_keys", "partition_pattern"], key)
      }) == jsonencode({
      source_uri        = "s3://raw/in/orders/"
      lake_uri          = "s3://lake/"
      database          = "shop"
      raw_table         = "raw_orders"
      parquet_table     = "orders"
      quarantine_table  = "orders_quarantine"
      partition_keys    = [{ name = "month", type = "string" }]
      partition_pattern = null
    })
    error_message = "The contract is ${aws_s3_object.contract["orders"].content}"
  }

  # The raw table shows every column as text, as OpenCSVSerde reads it, in the file's own dialect.
  assert {
    condition = jsonencode(jsondecode(aws_s3_object.contract["orders"].content).workflow.raw_table_input) == jsonencode({
      Name          = "raw_orders"
      TableType     = "EXTERNAL_TABLE"
      Parameters    = { EXTERNAL = "TRUE", classification = "csv", "skip.header.line.count" = "1" }
      PartitionKeys = [{ Name = "month", Type = "string" }]
      StorageDescriptor = {
        Columns = [
          { Name = "order_id", Type = "string", Comment = "unique" },
          { Name = "amount", Type = "string", Comment = "" },
        ]
        Location     = "s3://raw/in/orders/"
        InputFormat  = "org.apache.hadoop.mapred.TextInputFormat"
        OutputFormat = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
        SerdeInfo = {
          SerializationLibrary = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
          Parameters           = { separatorChar = ";", quoteChar = "'", escapeChar = "\\" }
        }
        Compressed = false
      }
    })
    error_message = "The raw table is ${jsonencode(jsondecode(aws_s3_object.contract["orders"].content).workflow.raw_table_input)}"
  }

  # The Parquet table is Snappy and typed; partitioned, so its own folder holds nothing by itself.
  assert {
    condition = jsonencode([
      for table in [jsondecode(aws_s3_object.contract["orders"].content).workflow.parquet_table_input] : [
        table.Parameters, table.PartitionKeys, table.StorageDescriptor.Columns, table.StorageDescriptor.Location,
      ]
      ]) == jsonencode([[
        { EXTERNAL = "TRUE", classification = "parquet", "parquet.compression" = "SNAPPY" },
        [{ Name = "month", Type = "string" }],
        [{ Name = "order_id", Type = "bigint", Comment = "unique" }, { Name = "amount", Type = "decimal(12,2)", Comment = "" }],
        "s3://lake/tables/orders/",
    ]])
    error_message = "The Parquet table is ${jsonencode(jsondecode(aws_s3_object.contract["orders"].content).workflow.parquet_table_input)}"
  }
}

run "a_crawled_unpartitioned_dataset" {
  command = plan

  module {
    source = "./modules/job"
  }

  assert {
    condition = jsonencode([
      for contract in [jsondecode(aws_s3_object.contract["stores"].content)] : [
        contract.columns, contract.workflow.crawler_name, contract.workflow.raw_table_input,
        contract.workflow.parquet_table_input.StorageDescriptor.Columns,
      ]
    ]) == jsonencode([[null, "shop-stores", null, []]])
    error_message = "The contract is ${aws_s3_object.contract["stores"].content}"
  }

  # Until the first load readers see an empty folder, never one that is being written.
  assert {
    condition = (
      jsondecode(aws_s3_object.contract["stores"].content).workflow.parquet_table_input.StorageDescriptor.Location == "s3://lake/tables/stores/run=none/" &&
      jsondecode(aws_s3_object.contract["stores"].content).workflow.quarantine_table_input.StorageDescriptor.Location == "s3://lake/quarantine/stores/run=none/"
    )
    error_message = "The tables are ${jsonencode(jsondecode(aws_s3_object.contract["stores"].content).workflow)}"
  }

  assert {
    condition     = jsondecode(aws_s3_object.contract["orders"].content).fingerprint != jsondecode(aws_s3_object.contract["stores"].content).fingerprint
    error_message = "Two contracts have one fingerprint."
  }
}

# What does not decide the converted bytes must not have everything converted again.
run "another_comment_and_another_bound_keep_the_fingerprint" {
  command = plan

  module {
    source = "./modules/job"
  }

  variables {
    datasets = {
      for name, dataset in var.datasets : name => merge(dataset, {
        columns          = [for column in dataset.columns : merge(column, { comment = "new" })]
        max_bad_fraction = 0.5
      })
    }
  }

  assert {
    condition     = jsondecode(aws_s3_object.contract["orders"].content).fingerprint == run.a_declared_partitioned_dataset.contract_fingerprints["orders"]
    error_message = "The fingerprint changed with the comment of a column."
  }
}

run "another_null_spelling_changes_the_fingerprint" {
  command = plan

  module {
    source = "./modules/job"
  }

  variables {
    datasets = {
      for name, dataset in var.datasets : name => merge(dataset, { csv = merge(dataset.csv, { null_values = ["-"] }) })
    }
  }

  assert {
    condition     = jsondecode(aws_s3_object.contract["orders"].content).fingerprint != run.a_declared_partitioned_dataset.contract_fingerprints["orders"]
    error_message = "The fingerprint is the same although the files are read differently."
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
run "accepts_a_wide_contract_that_the_state_machine_can_read" {
  command = plan

  module {
    source = "./modules/job"
  }

  variables {
    datasets = {
      wide = merge(var.datasets.orders, {
        columns = [
          for number in range(350) : {
            name = "c${number}", type = "string", source = null, required = false, format = null, comment = join("", [for letter in range(100) : "u"])
          }
        ]
      })
    }
  }

  assert {
    condition     = length(aws_s3_object.contract["wide"].content) > 160000
    error_message = "It has only ${length(aws_s3_object.contract["wide"].content)} characters."
  }
}

run "refuses_as_many_characters_of_two_bytes" {
  command = plan

  module {
    source = "./modules/job"
  }

  variables {
    datasets = {
      wide = merge(var.datasets.orders, {
        columns = [
          for number in range(350) : {
            name = "c${number}", type = "string", source = null, required = false, format = null, comment = join("", [for letter in range(100) : "ü"])
          }
        ]
      })
    }
  }

  expect_failures = [aws_s3_object.contract]
}
