# The loop over the pages of a listing. A loop of the pipeline's own state machine would cost two state transitions and
# eight events of its history for every page; an Express execution is paid by its duration and has no history to fill.
# This is how AWS has one nested:
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-access-cross-acct-resources.html

locals {
  listing_name = "${var.name}-listing"
  # Known while planning, so that the definition that calls it is, too.
  listing_arn = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${local.listing_name}"
  # A synchronous execution ends after five minutes:
  # https://docs.aws.amazon.com/step-functions/latest/dg/concepts-express-synchronous.html
  listing_seconds = 240
  # 25,000 objects a call, half a minute: far from the five minutes, and from what a slow connection gives up at.
  listing_pages = 250

  listing = templatefile("${var.templates_folder}/listing.asl.json.tftpl", {
    partition = local.partition
    jsonata   = local.jsonata
    retries   = local.retries
    catch = {
      ErrorEquals = ["States.ALL"]
      Output      = { error = "{% $states.errorOutput.Error %}", cause = "{% '' & $states.errorOutput.Cause %}" }
      Next        = "Listing failed"
    }
    timeouts        = var.timeouts
    listing_pages   = local.listing_pages
    listing_seconds = local.listing_seconds
    # What tells a table of a removed dataset: see sfn/jsonata/fold_tables.jsonata.
    known_tables = concat(keys(local.dataset_of_table), local.statements[*].name)
    owner        = var.name
    lake_folders = [for folder in ["tables", "quarantine"] : "s3://${var.lake_bucket}/${folder}/"]
    sources      = [for bucket in distinct(values(var.datasets)[*].source_bucket) : "s3://${bucket}/"]
  })
}

resource "aws_sfn_state_machine" "listing" {
  name       = local.listing_name
  type       = "EXPRESS"
  role_arn   = local.role_arn
  definition = local.listing
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

  # The role is checked for its log permissions when the state machine is created.
  depends_on = [aws_iam_role_policy.this, aws_cloudwatch_log_group.this]
}
