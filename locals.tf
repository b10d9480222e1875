# What the validations of the variables compare with.
locals {
  # A table, view or column of such a name needs quotes in every SELECT statement, also in those of other people's tools:
  # https://docs.aws.amazon.com/athena/latest/ug/reserved-words.html
  reserved_words = toset([
    "all", "alter", "and", "as", "between", "by", "case", "cast", "constraint", "create", "cross", "cube",
    "current_catalog", "current_date", "current_path", "current_schema", "current_time", "current_timestamp",
    "current_user", "deallocate", "delete", "describe", "distinct", "drop", "else", "end", "escape", "except", "execute",
    "exists", "extract", "false", "first", "for", "from", "full", "group", "grouping", "having", "in", "inner", "insert",
    "intersect", "into", "is", "join", "last", "left", "like", "listagg", "localtime", "localtimestamp", "natural",
    "normalize", "not", "null", "on", "or", "order", "outer", "prepare", "recursive", "right", "rollup", "select", "skip",
    "table", "then", "trim", "true", "uescape", "union", "unnest", "using", "values", "when", "where", "with",
  ])

  column_types    = ["string", "boolean", "int", "bigint", "float", "double", "date", "timestamp"]
  partition_types = ["string", "int", "bigint", "date"]

  # The quarantine table has a dataset's partition keys beside these.
  quarantine_columns = [
    { Name = "source_file", Type = "string", Comment = "key of the CSV file" },
    { Name = "line_number", Type = "bigint", Comment = "line in the file, from 1" },
    { Name = "reason", Type = "string", Comment = "why the row was not converted" },
    { Name = "column_name", Type = "string", Comment = "the column at fault" },
    { Name = "raw_text", Type = "string", Comment = "the row as it stands in the file" },
    { Name = "run_id", Type = "string", Comment = "the run that found it" },
  ]

  # Spellings of booleans, in any case, where a dataset has none of its own; the job has the same (glue_scripts/contract.py).
  true_words  = ["true", "t", "yes", "y", "1"]
  false_words = ["false", "f", "no", "n", "0"]

  # Codes of strptime that say the same thing, of which a format may have one; and codes that mean nothing without one of
  # some others. The job has the same rule (glue_scripts/csv_dates.py).
  format_alternatives = [["Y", "y"], ["m", "b", "B", "j"], ["d", "j"], ["H", "I"]]
  format_needs        = { p = ["I"], I = ["p"], M = ["H", "I"], S = ["M"], f = ["S"] }

  # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html; 0 keeps for ever.
  retention_days = [
    0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
  ]

  # Folders of the lake bucket that belong to the job: nothing else may lie there.
  lake_folders = ["tables/", "quarantine/", "manifests/", "reports/"]

  # DPU per worker: https://docs.aws.amazon.com/glue/latest/dg/worker-types.html
  worker_dpus = {
    "G.1X" = 1, "G.2X" = 2, "G.4X" = 4, "G.8X" = 8, "G.12X" = 12, "G.16X" = 16,
    "R.1X" = 1, "R.2X" = 2, "R.4X" = 4, "R.8X" = 8,
  }
  dpu_vcpus = 4

  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html: what a name is made of, and which of these
  # are none.
  bucket_name    = "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
  no_bucket_name = "\\.\\.|^[0-9]+(\\.[0-9]+){3}$|^(xn--|sthree-|amzn-s3-demo-)|(-s3alias|--ol-s3|\\.mrap|--x-s3|--table-s3)$"

  # https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based: the values of each field of
  # cron(…), a part of its list of them, and what may stand alone in it.
  schedule_expression = "^(rate\\([1-9][0-9]* (minute|minutes|hour|hours|day|days)\\)|cron\\(([^ ]+ ){5}[^ ]+\\)|at\\([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\))$"
  cron                = "^cron\\(([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+)\\)$"
  cron_values = [
    "[0-5]?[0-9]", "[01]?[0-9]|2[0-3]", "0?[1-9]|[12][0-9]|3[01]",
    "0?[1-9]|1[0-2]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC",
    "[1-7]|SUN|MON|TUE|WED|THU|FRI|SAT", "19[7-9][0-9]|2[01][0-9]{2}",
  ]
  cron_parts = [for value in local.cron_values : "(\\*|(${value})(-(${value}))?)(/[1-9][0-9]*)?"]
  cron_alone = {
    2 = "\\?|L|LW|L-[1-9][0-9]?|(${local.cron_values[2]})W"
    4 = "\\?|L|(${local.cron_values[4]})L|(${local.cron_values[4]})#[1-5]"
  }

  # What is no SQL in a statement, its comments and texts, beside the names in quotes, which are kept; the calls that have
  # a FROM of their own; and what stands before the name of a table, with other tables before it or without.
  sql_quotes        = "/(\"[^\"]*\")|'[^']*'|--[^\\n]*|(?s:/\\*.*?\\*/)/"
  sql_from_in_calls = "/\\b(extract|trim|substring)\\s*\\([^()]*\\)/"
  sql_before_name   = "\\b(?:from|join)\\s+(?:[a-z0-9_.]+(?:\\s+(?:as\\s+)?[a-z0-9_]+)?\\s*,\\s*)*(?:awsdatacatalog\\.)?"

  # What the module and the state machine give the job, and what would replace that.
  own_arguments = [
    "--extra-py-files", "--job-language", "--scriptLocation", "--class", "--enable-auto-scaling", "--enable-metrics",
    "--custom-logGroup-prefix", "--additional-python-modules", "--dataset_config", "--run_id", "--run_mode", "--force",
    "--partitions", "--task_slots", "--spark_from_mb",
  ]

  # "AWS Glue uses the following arguments internally and you should never use them":
  # https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
  reserved_arguments = ["--debug", "--mode", "--JOB_NAME", "--endpoint"]
}
