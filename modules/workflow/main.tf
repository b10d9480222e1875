data "aws_partition" "current" {}
data "aws_service_principal" "current" { service_name = "glue" } # for its region: see the root
data "aws_caller_identity" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_service_principal.current.region
  account   = data.aws_caller_identity.current.account_id
  role_arn  = var.create_role ? one(aws_iam_role.this[*].arn) : var.role_arn

  log_group_name = var.create_log_group ? "/aws/vendedlogs/states/${var.name}" : var.log_group_name
  # Known while planning; whoever logs waits for it.
  log_group_arn = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${local.log_group_name}"

  drops_tables = var.on_dataset_removed == "drop_tables"

  # Expressions are kept in files of their own, with comments and line breaks; the definition gets them in one line.
  jsonata = {
    for file in fileset("${var.templates_folder}/jsonata", "*.jsonata") : trimsuffix(file, ".jsonata") => trimspace(replace(
      replace(file("${var.templates_folder}/jsonata/${file}"), "/(?s)/\\*.*?\\*//", ""), "/\\s*\\n\\s*/", " "
    ))
  }

  # One view per dataset, then the declared ones. A view has to be made again when its SQL changed or the columns of a table
  # it reads. Which ones it reads is told by the names in its SQL: one too many costs nothing but a statement. A view
  # that reads views counts as reading whatever the ones before it read.
  statements = concat(
    [
      for name, dataset in var.datasets :
      { name = "v_${name}", sql = "SELECT * FROM \"${var.database_name}\".\"${dataset.parquet_table}\"" }
      if var.dataset_views
    ],
    [for view in var.views : { name = view.name, sql = trimspace(trimsuffix(trimspace(view.sql), ";")) }]
  )
  statement_words = [for view in local.statements : distinct(regexall("[a-z0-9_]+", lower(view.sql)))]
  dataset_of_table = merge([
    for name, dataset in var.datasets :
    { for table in [dataset.raw_table, dataset.parquet_table, dataset.quarantine_table] : table => name }
  ]...)
  statement_reads = [
    for words in local.statement_words : compact([for word in words : lookup(local.dataset_of_table, word, "")])
  ]
  # Where the history of a view begins: with the first statement if it reads a view, otherwise with itself.
  statement_begins = [
    for index, words in local.statement_words :
    length(setintersection(words, slice(local.statements, 0, index)[*].name)) > 0 ? 0 : index
  ]
  views = [
    for index, view in local.statements : {
      name   = view.name
      sql    = view.sql
      digest = sha256(jsonencode(concat([var.name], slice(local.statements, local.statement_begins[index], index + 1)[*].sql)))
      tables = sort(distinct(flatten(slice(local.statement_reads, local.statement_begins[index], index + 1))))
    }
  ]

  # Only transient errors, by name, are tried again; the names are the service's prefix and the name of the exception:
  # https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
  patient = { IntervalSeconds = 2, BackoffRate = 2, MaxDelaySeconds = 60, MaxAttempts = 6, JitterStrategy = "FULL" }
  # Being throttled or out of order comes under the service's general name where it has no exception of its own, as a
  # denied access does. So it is tried again, but not for long. The two optimized integrations were made with an SDK that
  # names the general exceptions of Glue and Athena differently; both names are given.
  brief = { IntervalSeconds = 1, BackoffRate = 2, MaxDelaySeconds = 5, MaxAttempts = 3, JitterStrategy = "FULL" }
  retries = {
    s3 = [
      merge(local.patient, { ErrorEquals = ["S3.SdkClientException", "States.Timeout"] }),
      merge(local.brief, { ErrorEquals = ["S3.S3Exception"] }),
    ]
    glue = [
      merge(local.patient, {
        ErrorEquals = [
          "Glue.SdkClientException", "Glue.ThrottlingException", "Glue.InternalServiceException",
          "Glue.OperationTimeoutException", "Glue.ResourceNotReadyException", "Glue.ConcurrentModificationException",
          "States.Timeout",
        ]
      }),
      merge(local.brief, { ErrorEquals = ["Glue.GlueException", "Glue.AWSGlueException"] }),
    ]
    sfn = [
      merge(local.patient, { ErrorEquals = ["Sfn.SdkClientException", "States.Timeout"] }),
      merge(local.brief, { ErrorEquals = ["Sfn.SfnException"] }),
    ]
    athena = [
      merge(local.patient, {
        ErrorEquals = ["Athena.SdkClientException", "Athena.TooManyRequestsException", "Athena.InternalServerException"]
      }),
      merge(local.brief, { ErrorEquals = ["Athena.AthenaException", "Athena.AmazonAthenaException"] }),
    ]
    # The job runs as often at a time as its MaxConcurrentRuns allows; the other datasets wait for their turn, about
    # two hours in all. A run that failed is never started again by itself: the next execution does that.
    job = [
      {
        ErrorEquals     = ["Glue.ConcurrentRunsExceededException", "Glue.ResourceNumberLimitExceededException"]
        IntervalSeconds = 10
        BackoffRate     = 1.5
        MaxDelaySeconds = 120
        MaxAttempts     = 120
        JitterStrategy  = "FULL"
      },
      merge(local.patient, {
        ErrorEquals = [
          "Glue.SdkClientException", "Glue.ThrottlingException", "Glue.InternalServiceException",
          "Glue.OperationTimeoutException",
        ]
      }),
      merge(local.brief, { ErrorEquals = ["Glue.GlueException", "Glue.AWSGlueException"] }),
    ]
  }

  # A run of the Glue job, of which the first load and an increment are the same. How it ended is asked of its result, too:
  # see sfn/jsonata/job_ending.jsonata.
  glue_run = {
    arguments = "{% ($job := '${var.glue_job_name}'; ${local.jsonata.job_run}) %}"
    output    = "{% $exists($states.result.JobRunState) and $states.result.JobRunState != 'SUCCEEDED' ? ($text := $string($states.result); ${local.jsonata.job_ending}) : {} %}"
  }

  # Where every Task leads on an error that it has no answer of its own to: the end of its dataset or view, or of the
  # execution. What a .sync task waited for and what failed is the cause, as a whole, in JSON.
  caught = {
    overlap = { failed = "Overlap unknown", output = local.jsonata.caught_error }
    dataset = { failed = "Dataset failed", output = local.jsonata.caught_error }
    view    = { failed = "View failed", output = local.jsonata.caught_error }
    removed = { failed = "Removed datasets failed", output = local.jsonata.caught_error }
    job = {
      failed = "Dataset failed"
      output = "($text := \"\" & $string($states.errorOutput.Cause); $contains($text, /\"JobRunState\"/) ? ${local.jsonata.job_ending} : ${local.jsonata.caught_error})"
    }
    query = {
      failed = "View failed"
      output = "($text := \"\" & $string($states.errorOutput.Cause); $contains($text, /\"QueryExecutionId\"/) ? ${local.jsonata.query_ending} : ${local.jsonata.caught_error})"
    }
  }
  catch = {
    for task, caught in local.caught :
    task => { ErrorEquals = ["States.ALL"], Output = "{% ${caught.output} %}", Next = caught.failed }
  }

  definition = templatefile("${var.templates_folder}/etl_pipeline.asl.json.tftpl", {
    partition = local.partition
    jsonata   = local.jsonata
    retries   = local.retries
    catch     = local.catch
    timeouts  = var.timeouts
    contracts = {
      for name, dataset in var.datasets : name => {
        bucket = coalesce(dataset.contract_bucket, var.artifacts_bucket)
        key    = dataset.contract_key
      }
    }
    views              = local.views
    on_overlap         = var.on_overlap
    max_concurrency    = var.max_concurrency
    patience           = local.patience
    glue_run           = local.glue_run
    lake_bucket        = var.lake_bucket
    database_name      = var.database_name
    athena_workgroup   = var.athena_workgroup
    athena_results_uri = var.athena_results_uri
    listing_arn        = local.listing_arn
    owner              = var.name
    drops_tables       = local.drops_tables
    listing_seconds    = local.listing_seconds
  })
}

moved {
  from = aws_cloudwatch_log_group.this
  to   = aws_cloudwatch_log_group.this[0]
}

resource "aws_cloudwatch_log_group" "this" {
  count = var.create_log_group ? 1 : 0

  # Below this prefix the resource policy of CloudWatch Logs does not grow with every state machine:
  # https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-cwl
  name              = local.log_group_name
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

resource "aws_sfn_state_machine" "this" {
  name       = var.name
  type       = "STANDARD"
  role_arn   = local.role_arn
  definition = local.definition
  tags       = var.tags

  logging_configuration {
    level                  = var.log_level
    include_execution_data = var.include_execution_data
    log_destination        = "${local.log_group_arn}:*"
  }

  tracing_configuration {
    enabled = var.tracing
  }

  dynamic "encryption_configuration" {
    for_each = var.kms_keys.state_machines == null ? [] : [var.kms_keys.state_machines]

    content {
      type       = "CUSTOMER_MANAGED_KMS_KEY"
      kms_key_id = encryption_configuration.value
      # Data keys are asked for this often; the longest that Step Functions allows:
      # https://docs.aws.amazon.com/step-functions/latest/apireference/API_EncryptionConfiguration.html
      kms_data_key_reuse_period_seconds = 900
    }
  }

  lifecycle {
    # Sizes count in bytes, of which base64 makes four characters out of three:
    # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    precondition {
      condition     = length(base64encode(local.definition)) * 3 / 4 < 1000000
      error_message = "The rendered state machine has ${floor(length(base64encode(local.definition)) * 3 / 4)} bytes and Step Functions allows 1 MB: use fewer datasets or shorter views in this instance of the module."
    }

    precondition {
      condition     = length(base64encode(jsonencode(local.views))) * 3 / 4 < 250000
      error_message = "The views and the tables each of them reads have ${floor(length(base64encode(jsonencode(local.views))) * 3 / 4)} bytes and Step Functions passes at most 256 KiB to a state: use fewer or shorter views, or a second instance of the module."
    }

    precondition {
      condition     = local.history <= local.history_limit
      error_message = "An execution may come to ${local.history} events, and the history of Step Functions ends at 25,000: use ${local.history_remedies}."
    }
  }

  # The role is checked for its log permissions when the state machine is created; the definition names the other one.
  depends_on = [aws_iam_role_policy.this, aws_sfn_state_machine.listing, aws_cloudwatch_log_group.this]
}
