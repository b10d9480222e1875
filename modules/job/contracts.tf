locals {
  text_input_format  = "org.apache.hadoop.mapred.TextInputFormat"
  text_output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

  parquet_storage = {
    InputFormat  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    OutputFormat = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
    SerdeInfo    = { SerializationLibrary = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe" }
    Compressed   = true
  }
  parquet_parameters = { EXTERNAL = "TRUE", classification = "parquet", "parquet.compression" = "SNAPPY" }

  quarantine_columns = [
    { Name = "source_file", Type = "string", Comment = "key of the CSV file" },
    { Name = "line_number", Type = "bigint", Comment = "line in the file, from 1" },
    { Name = "reason", Type = "string", Comment = "why the row was not converted" },
    { Name = "column_name", Type = "string", Comment = "the column at fault" },
    { Name = "raw_text", Type = "string", Comment = "the row as it stands in the file" },
    { Name = "run_id", Type = "string", Comment = "the run that found it" },
  ]

  # What decides the converted bytes: a change of it is a change of the contract.
  decisive = {
    for name, dataset in var.datasets : name => {
      columns = [for column in dataset.columns : {
        name = column.name, type = column.type, source = coalesce(column.source, column.name), required = column.required, format = column.format
      }]
      csv               = dataset.csv
      partition_keys    = dataset.partition_keys
      partition_pattern = dataset.partition_pattern
      schema_drift      = dataset.schema_drift
    }
  }

  glue_partition_keys = {
    for name, dataset in var.datasets : name => [for key in dataset.partition_keys : { Name = key.name, Type = key.type }]
  }

  # An unpartitioned table points at an empty folder until its first load: readers must never see a half-written one.
  initial_locations = {
    for name, dataset in var.datasets : name => length(dataset.partition_keys) > 0 ? "" : "run=none/"
  }

  raw_table_inputs = {
    for name, dataset in var.datasets : name => {
      Name      = dataset.raw_table
      TableType = "EXTERNAL_TABLE"
      Parameters = merge(
        { EXTERNAL = "TRUE", classification = "csv" },
        dataset.csv.header ? { "skip.header.line.count" = "1" } : {},
      )
      # Folders of a pattern over the key are no Hive partitions.
      PartitionKeys = dataset.partition_pattern == null ? local.glue_partition_keys[name] : []
      StorageDescriptor = {
        # OpenCSVSerde reads every column as text, quotes handled:
        # https://docs.aws.amazon.com/athena/latest/ug/csv-serde.html
        Columns      = [for column in dataset.columns : { Name = column.name, Type = "string", Comment = column.comment }]
        Location     = "s3://${var.raw_bucket}/${dataset.prefix}"
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

  contracts = {
    for name, dataset in var.datasets : name => {
      dataset                 = name
      fingerprint             = sha256(jsonencode(local.decisive[name]))
      source_uri              = "s3://${var.raw_bucket}/${dataset.prefix}"
      lake_uri                = "s3://${var.lake_bucket}/"
      database                = var.database_name
      raw_table               = dataset.raw_table
      parquet_table           = dataset.parquet_table
      quarantine_table        = dataset.quarantine_table
      partition_keys          = dataset.partition_keys
      partition_pattern       = dataset.partition_pattern
      columns                 = length(dataset.columns) == 0 ? null : dataset.columns
      csv                     = dataset.csv
      schema_drift            = dataset.schema_drift
      max_bad_fraction        = dataset.max_bad_fraction
      max_bad_rows            = dataset.max_bad_rows
      on_source_removed       = dataset.on_source_removed
      on_unmatched            = dataset.on_unmatched
      on_contract_change      = dataset.on_contract_change
      target_file_mb          = dataset.target_file_mb
      retain_superseded_hours = dataset.retain_superseded_hours
      workflow = {
        source_bucket   = var.raw_bucket
        source_prefix   = dataset.prefix
        crawler_name    = dataset.crawler_name
        raw_table_input = lookup(local.raw_table_inputs, name, null)
        parquet_table_input = {
          Name          = dataset.parquet_table
          TableType     = "EXTERNAL_TABLE"
          Parameters    = local.parquet_parameters
          PartitionKeys = local.glue_partition_keys[name]
          StorageDescriptor = merge(local.parquet_storage, {
            Columns  = [for column in dataset.columns : { Name = column.name, Type = column.type, Comment = column.comment }]
            Location = "s3://${var.lake_bucket}/tables/${name}/${local.initial_locations[name]}"
          })
        }
        quarantine_table_input = {
          Name          = dataset.quarantine_table
          TableType     = "EXTERNAL_TABLE"
          Parameters    = local.parquet_parameters
          PartitionKeys = local.glue_partition_keys[name]
          StorageDescriptor = merge(local.parquet_storage, {
            Columns  = local.quarantine_columns
            Location = "s3://${var.lake_bucket}/quarantine/${name}/${local.initial_locations[name]}"
          })
        }
      }
    }
  }
}

resource "aws_s3_object" "contract" {
  for_each = local.contracts

  bucket       = var.artifacts_bucket
  key          = "${var.artifacts_prefix}contracts/${each.key}.json"
  content      = jsonencode(each.value)
  content_type = "application/json"

  override_provider {
    default_tags {
      tags = {}
    }
  }

  lifecycle {
    precondition {
      # The state machine reads the file as a text in the result of one call, which may have 256 KiB, counted in bytes and
      # with every quote of the text escaped. Base64 makes four characters out of three bytes:
      # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
      condition     = length(base64encode(jsonencode(jsonencode(each.value)))) * 3 / 4 <= 250000
      error_message = "The contract of dataset ${each.key} has ${floor(length(base64encode(jsonencode(jsonencode(each.value)))) * 3 / 4)} bytes as the state machine reads it and may have 250,000: use shorter comments, or fewer columns."
    }
  }
}
