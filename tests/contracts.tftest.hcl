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
  name = "shop"
  buckets = {
    raw       = { create = false, name = "raw" }
    lake      = { create = false, name = "lake" }
    artifacts = { create = false, name = "artifacts", prefix = "tools" }
  }
  datasets = {
    orders = {
      prefix         = "in/orders"
      partition_keys = [{ name = "month" }]
      columns = [
        { name = "order_id", type = "bigint", source = "Order No.", required = true, comment = "unique" },
        { name = "amount", type = "decimal(12,2)" },
      ]
      csv = { delimiter = ";", quote = "'", escape = "\\", encoding = "cp1252", null_values = ["", "NULL"] }
    }
    stores = {}
    notes  = { columns = [{ name = "text" }], csv = { quote = "" } }
  }
}

run "a_declared_partitioned_dataset" {
  command = plan

  assert {
    condition     = output.contract_uris.orders == "s3://artifacts/tools/contracts/orders.json"
    error_message = "The contract lies at ${output.contract_uris.orders}."
  }

  # Every setting as it was given or by default; of the prefix, the whole URI.
  assert {
    condition = jsonencode(local.contracts.orders) == jsonencode(merge(local.contracts.orders, {
      dataset           = "orders"
      source_uri        = "s3://raw/in/orders/"
      lake_uri          = "s3://lake/"
      database          = "shop"
      raw_table         = "raw_orders"
      parquet_table     = "orders"
      quarantine_table  = "orders_quarantine"
      partition_keys    = [{ name = "month", type = "string" }]
      partition_pattern = null
      columns = [
        for index, column in [
          { name = "order_id", type = "bigint", source = "Order No.", required = true, format = null, comment = "unique" },
          { name = "amount", type = "decimal(12,2)", source = null, required = false, format = null, comment = "" },
        ] : merge(local.contracts.orders.columns[index], column)
      ]
      csv = merge(local.contracts.orders.csv, {
        delimiter   = ";", quote = "'", escape = "\\", header = true, encoding = "cp1252", null_values = ["", "NULL"], comment = null,
        date_format = null, timestamp_format = null, quoted_newlines = true, trim = false
      })
      schema_drift            = "fail"
      timestamp_unit          = "us"
      max_bad_fraction        = 0.01
      max_bad_rows            = null
      on_source_removed       = "keep"
      on_unmatched            = "fail"
      on_contract_change      = "reconvert"
      target_file_mb          = 128
      retain_superseded_hours = 24
      lake_datasets           = keys(var.datasets)
    }))
    error_message = "The contract is ${jsonencode(local.contracts.orders)}"
  }

  # The raw table shows every column as text, as OpenCSVSerde reads it, in the file's own dialect; the job names them.
  assert {
    condition = jsonencode(local.contracts.orders.workflow.raw_table_input) == jsonencode({
      Name          = "raw_orders"
      TableType     = "EXTERNAL_TABLE"
      Parameters    = { EXTERNAL = "TRUE", classification = "csv", managed_by = "shop", "skip.header.line.count" = "1" }
      PartitionKeys = [{ Name = "month", Type = "string" }]
      StorageDescriptor = {
        Columns = [
          { Name = "column_1", Type = "string", Comment = "" },
          { Name = "column_2", Type = "string", Comment = "" },
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
    error_message = "The raw table is ${jsonencode(local.contracts.orders.workflow.raw_table_input)}"
  }

  # The Parquet table is Snappy and typed; partitioned, so its own folder holds nothing by itself.
  assert {
    condition = jsonencode([
      for table in [local.contracts.orders.workflow.parquet_table_input] : [
        table.Parameters, table.PartitionKeys, table.StorageDescriptor.Columns, table.StorageDescriptor.Location,
      ]
      ]) == jsonencode([[
        { EXTERNAL = "TRUE", classification = "parquet", managed_by = "shop", "parquet.compression" = "SNAPPY" },
        [{ Name = "month", Type = "string" }],
        [{ Name = "order_id", Type = "bigint", Comment = "unique" }, { Name = "amount", Type = "decimal(12,2)", Comment = "" }],
        "s3://lake/tables/orders/",
    ]])
    error_message = "The Parquet table is ${jsonencode(local.contracts.orders.workflow.parquet_table_input)}"
  }
}

run "a_crawled_unpartitioned_dataset" {
  command = plan

  assert {
    condition = jsonencode([
      for contract in [local.contracts.stores] : [
        contract.columns, contract.workflow.crawler_name, contract.workflow.raw_table_input,
        contract.workflow.parquet_table_input.StorageDescriptor.Columns,
      ]
    ]) == jsonencode([[null, "shop-stores", null, []]])
    error_message = "The contract is ${jsonencode(local.contracts.stores)}"
  }

  # Until the first load readers see an empty folder, never one that is being written.
  assert {
    condition = (
      local.contracts.stores.workflow.parquet_table_input.StorageDescriptor.Location == "s3://lake/tables/stores/run=none/" &&
      local.contracts.stores.workflow.quarantine_table_input.StorageDescriptor.Location == "s3://lake/quarantine/stores/run=none/"
    )
    error_message = "The tables are ${jsonencode(local.contracts.stores.workflow)}"
  }
}

run "files_in_which_quotes_mean_nothing" {
  command = plan

  assert {
    condition = jsonencode([
      for contract in [local.contracts.notes] : [
        contract.csv.quote, contract.workflow.raw_table_input.StorageDescriptor.SerdeInfo.Parameters,
      ]
    ]) == jsonencode([[null, { separatorChar = "," }]])
    error_message = "The contract is ${jsonencode(local.contracts.notes)}"
  }
}

# What is hashed stands in the fixture for ever, or lakes are converted again; glue_scripts/contract.py reads the same one.
run "a_fingerprint_is_of_what_differs_from_the_defaults" {
  command = plan

  variables {
    datasets = { for name, entry in jsondecode(file("tests/fixtures/fingerprints.json")) : name => entry.settings }
  }

  assert {
    condition = {
      for name, entry in jsondecode(file("tests/fixtures/fingerprints.json")) : name => sha256(entry.hashed)
    } == { for name, contract in local.contracts : name => contract.fingerprint }
    error_message = "Hashed is ${jsonencode(local.decisive)}: an option that is new belongs into `unsaid` with its default, or into `indecisive`."
  }

  # What the raw table can skip it skips, and columns by position are those of the contract.
  assert {
    condition = jsonencode([
      for table in [local.contracts.files.workflow.raw_table_input] : [
        table.Parameters["skip.header.line.count"], table.StorageDescriptor.Columns[*].Name
      ]
    ]) == jsonencode([["3", ["a"]]])
    error_message = "The raw table is ${jsonencode(local.contracts.files.workflow.raw_table_input)}"
  }
}

run "workers_and_a_schedule_of_a_dataset_change_no_fingerprint" {
  command = plan
  variables {
    glue = { number_of_workers = 4 }
    datasets = {
      notes = { columns = [{ name = "text" }] }
      large = {
        columns  = [{ name = "text" }]
        glue     = { worker_type = "G.2X", number_of_workers = 10 }
        schedule = { expression = "rate(1 hour)" }
      }
      slow = { columns = [{ name = "text" }], glue = { timeout_minutes = 200 } }
    }
  }

  assert {
    condition     = length(distinct(values(local.contracts)[*].fingerprint)) == 1
    error_message = "The fingerprints are ${jsonencode(values(local.contracts)[*].fingerprint)}."
  }

  assert {
    condition = jsonencode({ for name, contract in local.contracts : name => lookup(contract.workflow, "job_run", "none") }) == jsonencode({
      large = {
        arguments  = { "--task_slots" = "72" }
        parameters = { NumberOfWorkers = 10, Timeout = 120, WorkerType = "G.2X" }
      }
      notes = "none"
      slow = {
        arguments  = { "--task_slots" = "12" }
        parameters = { NumberOfWorkers = 4, Timeout = 200, WorkerType = "G.1X" }
      }
    })
    error_message = "The runs differ by ${jsonencode({ for name, contract in local.contracts : name => lookup(contract.workflow, "job_run", "none") })}."
  }

  assert {
    condition     = alltrue([for contract in local.contracts : !contains(keys(contract), "glue") && !contains(keys(contract), "schedule")])
    error_message = "The job would refuse a contract that has glue or schedule."
  }

  assert {
    condition     = output.dataset_schedule_names == { large = "shop-large" }
    error_message = "The schedules are ${jsonencode(output.dataset_schedule_names)}."
  }
}
