# A dataset becomes one JSON document, its contract, that the state machine and the job read. Settings are passed on by
# exclusion: a new option is declared in variables-datasets.tf, read in glue_scripts/contract.py, and touches nothing here.
locals {
  datasets = {
    for name, dataset in var.datasets : name => merge(dataset, {
      prefix = "${trimsuffix(coalesce(dataset.prefix, name), "/")}/"
      # Null as an input would be the default: https://developer.hashicorp.com/terraform/language/expressions/type-constraints
      csv              = merge(dataset.csv, { quote = dataset.csv.quote == "" ? null : dataset.csv.quote })
      raw_table        = "raw_${name}"
      parquet_table    = name
      quarantine_table = "${name}_quarantine"
      # What is stored stays where it is; a renamed dataset goes by its first name there.
      lake_name    = coalesce(dataset.renamed_from, name)
      crawler_name = length(dataset.columns) == 0 ? "${var.name}-${name}" : null
    }) if var.create
  }

  contracts = {
    for name, dataset in local.datasets : name => merge(
      {
        for option, value in dataset : option => value
        if !contains(["prefix", "lake_name", "crawler_name", "glue", "schedule"], option)
      },
      {
        dataset     = name
        fingerprint = sha256(jsonencode(local.decisive[name]))
        source_uri  = "s3://${local.bucket_names.raw}/${dataset.prefix}"
        lake_uri    = "s3://${local.bucket_names.lake}/"
        database    = local.database_name
        columns     = length(dataset.columns) == 0 ? null : dataset.columns
        # A table in the lake that belongs to none of them is named in the report.
        lake_datasets = keys(local.datasets)
        workflow = merge({
          source_bucket          = local.bucket_names.raw
          source_prefix          = dataset.prefix
          crawler_name           = dataset.crawler_name
          raw_table_input        = lookup(local.raw_table_inputs, name, null)
          parquet_table_input    = local.parquet_table_inputs[name]
          quarantine_table_input = local.quarantine_table_inputs[name]
        }, try({ job_run = local.job_runs[name] }, {}))
      },
    )
  }
}

# --- what the Glue runs of a dataset have of their own, as StartJobRun takes it; and how many tasks they can do at a time

locals {
  dataset_workers = {
    for name, dataset in local.datasets : name => {
      type   = coalesce(try(dataset.glue.worker_type, null), var.glue.worker_type)
      number = coalesce(try(dataset.glue.number_of_workers, null), var.glue.number_of_workers)
    }
  }

  # https://docs.aws.amazon.com/glue/latest/webapi/API_StartJobRun.html; it knows no number of retries.
  job_runs = {
    for name, dataset in local.datasets : name => {
      parameters = {
        WorkerType      = local.dataset_workers[name].type
        NumberOfWorkers = local.dataset_workers[name].number
        Timeout         = coalesce(dataset.glue.timeout_minutes, var.glue.timeout_minutes)
      }
      arguments = {
        "--task_slots" = tostring((local.dataset_workers[name].number - 1) * local.worker_dpus[local.dataset_workers[name].type] * local.dpu_vcpus)
      }
    } if dataset.glue != null
  }
}

# --- the fingerprint: what decides the converted bytes; when it changes, everything is converted again

locals {
  # Of an option that stands at what is unsaid nothing is hashed.
  decisive = {
    for name, dataset in var.datasets : name => {
      for option, value in merge(dataset, {
        columns = [
          for column in dataset.columns : {
            for option, value in merge(column, { source = column.source == column.name ? null : column.source }) : option => value
            if !contains(local.indecisive, option) && jsonencode(value) != jsonencode(try(local.unsaid.column[option], null))
          }
        ]
        csv = {
          for option, value in local.datasets[name].csv : option => value
          if jsonencode(value) != jsonencode(try(local.unsaid.csv[option], null))
        }
        partition_keys = [
          for key in dataset.partition_keys : {
            for option, value in key : option => value
            if jsonencode(value) != jsonencode(try(local.unsaid.partition_key[option], null))
          }
        ]
      }) : option => value
      if !contains(local.indecisive, option) && jsonencode(value) != jsonencode(try(local.unsaid.dataset[option], null))
    } if var.create
  }
}

# --- the tables, as Glue's CreateTable takes them

locals {
  text_input_format  = "org.apache.hadoop.mapred.TextInputFormat"
  text_output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

  parquet_storage = {
    InputFormat  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    OutputFormat = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
    SerdeInfo    = { SerializationLibrary = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe" }
    Compressed   = true
  }
  # Whose a table is, is told by the table itself: where several share a database and a lake nothing else does.
  owner_parameters   = { managed_by = var.name }
  parquet_parameters = merge(local.owner_parameters, { EXTERNAL = "TRUE", classification = "parquet", "parquet.compression" = "SNAPPY" })

  glue_partition_keys = {
    for name, dataset in local.datasets : name => [for key in dataset.partition_keys : { Name = key.name, Type = key.type }]
  }

  # An unpartitioned table points at an empty folder until its first load: readers must never see a half-written one.
  initial_locations = {
    for name, dataset in local.datasets : name => length(dataset.partition_keys) > 0 ? "" : "run=none/"
  }

  raw_table_inputs = {
    for name, dataset in local.datasets : name => {
      Name      = dataset.raw_table
      TableType = "EXTERNAL_TABLE"
      Parameters = merge(
        local.owner_parameters,
        { EXTERNAL = "TRUE", classification = "csv" },
        # Lines behind the data cannot be told to OpenCSVSerde: they show as rows.
        dataset.csv.header || dataset.csv.skip_lines > 0 ? {
          "skip.header.line.count" = tostring(dataset.csv.skip_lines + (dataset.csv.header ? 1 : 0))
        } : {},
      )
      # Folders of a pattern over the key are no Hive partitions.
      PartitionKeys = dataset.partition_pattern == null ? local.glue_partition_keys[name] : []
      StorageDescriptor = {
        # OpenCSVSerde reads every column as text, quotes handled:
        # https://docs.aws.amazon.com/athena/latest/ug/csv-serde.html
        # It reads by position, so the names are those of the files' headers, which the job will have read.
        Columns = [for index, column in dataset.columns : {
          Name    = dataset.csv.header && dataset.csv.match_columns == "name" ? "column_${index + 1}" : column.name
          Type    = "string"
          Comment = dataset.csv.header && dataset.csv.match_columns == "name" ? "" : column.comment
        }]
        Location     = "s3://${local.bucket_names.raw}/${dataset.prefix}"
        InputFormat  = local.text_input_format
        OutputFormat = local.text_output_format
        SerdeInfo = {
          SerializationLibrary = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
          Parameters = merge(
            { separatorChar = dataset.csv.delimiter },
            dataset.csv.quote == null ? {} : { quoteChar = dataset.csv.quote },
            dataset.csv.escape == null ? {} : { escapeChar = dataset.csv.escape },
          )
        }
        Compressed = false
      }
    } if dataset.crawler_name == null
  }

  parquet_table_inputs = {
    for name, dataset in local.datasets : name => {
      Name          = dataset.parquet_table
      TableType     = "EXTERNAL_TABLE"
      Parameters    = local.parquet_parameters
      PartitionKeys = local.glue_partition_keys[name]
      StorageDescriptor = merge(local.parquet_storage, {
        Columns  = [for column in dataset.columns : { Name = column.name, Type = column.type, Comment = column.comment }]
        Location = "s3://${local.bucket_names.lake}/tables/${local.datasets[name].lake_name}/${local.initial_locations[name]}"
      })
    }
  }

  quarantine_table_inputs = {
    for name, dataset in local.datasets : name => {
      Name          = dataset.quarantine_table
      TableType     = "EXTERNAL_TABLE"
      Parameters    = local.parquet_parameters
      PartitionKeys = local.glue_partition_keys[name]
      StorageDescriptor = merge(local.parquet_storage, {
        Columns  = local.quarantine_columns
        Location = "s3://${local.bucket_names.lake}/quarantine/${local.datasets[name].lake_name}/${local.initial_locations[name]}"
      })
    }
  }
}
