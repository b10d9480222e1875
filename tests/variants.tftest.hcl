# What is created and what is not: switches, brought things, keys. Plans only; resources are looked at module by module,
# the root is looked at through its outputs.
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_service_principal" {
    defaults = { region = "ap-southeast-1" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
}

variables {
  name     = "abcdefghijklmnopqrstuvwx"
  datasets = { orders = { columns = [{ name = "order_id" }] }, stores = {} }
}

run "nothing_is_created_when_create_is_false" {
  command = plan

  variables {
    create            = false
    datasets          = {}
    notifications     = { enabled = true }
    schedule          = { expression = "rate(1 day)" }
    trigger_on_upload = {}
  }

  assert {
    condition = 0 == sum([
      length(module.bucket), length(module.catalog), length(module.job), length(module.query), length(module.workflow),
      length(module.triggers), length(module.notifications), length(module.monitoring),
    ])
    error_message = "A module is there although create is false."
  }

  assert {
    condition = alltrue([
      for value in [
        output.state_machine_arn, output.start_command, output.console_url, output.dashboard_url, output.raw_bucket,
        output.lake_bucket, output.artifacts_bucket, output.database_name, output.athena_workgroup, output.glue_job_name,
        output.job_role_arn, output.notification_topic_arn,
      ] : value == null
      ]) && alltrue([
      for value in [output.upload_uris, output.contract_uris, output.tables, output.crawler_names, output.alarm_names, output.log_group_names] :
      length(value) == 0
    ])
    error_message = "An output speaks of something that is not there."
  }
}

run "the_longest_name_fits_into_the_longest_region" {
  command = plan

  assert {
    condition     = output.artifacts_bucket == "abcdefghijklmnopqrstuvwx-artifacts-123456789012-ap-southeast-1" && length(output.artifacts_bucket) <= 63
    error_message = "The bucket's name is ${output.artifacts_bucket} with ${length(output.artifacts_bucket)} characters."
  }

  assert {
    condition = jsonencode([
      output.database_name, output.athena_workgroup, output.glue_job_name, output.crawler_names, output.upload_uris.orders,
      output.contract_uris.orders, output.athena_results_uri,
      ]) == jsonencode([
      "abcdefghijklmnopqrstuvwx", "abcdefghijklmnopqrstuvwx", "abcdefghijklmnopqrstuvwx-csv-to-parquet",
      { stores = "abcdefghijklmnopqrstuvwx-stores" },
      "s3://abcdefghijklmnopqrstuvwx-raw-123456789012-ap-southeast-1/orders/",
      "s3://abcdefghijklmnopqrstuvwx-artifacts-123456789012-ap-southeast-1/contracts/orders.json",
      "s3://abcdefghijklmnopqrstuvwx-lake-123456789012-ap-southeast-1/athena-results/",
    ])
    error_message = "The names are not those that the documentation says."
  }

  assert {
    condition     = length(module.triggers) == 0 && length(module.notifications) == 0 && length(output.alarm_names) == 4
    error_message = "Triggers and notifications are off by default, alarms are on."
  }
}

run "everything_brought_is_used_and_not_made" {
  command = plan

  variables {
    name = "second"
    buckets = {
      raw       = { create = false, name = "landing" }
      lake      = { create = false, name = "curated" }
      artifacts = { create = false, name = "tools" }
    }
    create_database = false
    database_name   = "ledger"
    athena          = { create_workgroup = false, workgroup_name = "analysts", results_uri = "s3://results/ledger/" }
    iam = {
      job      = { create = false, role_arn = "arn:aws:iam::123456789012:role/platform-job" }
      crawler  = { create = false, role_arn = "arn:aws:iam::123456789012:role/platform-crawler" }
      workflow = { create = false, role_arn = "arn:aws:iam::123456789012:role/platform-workflow" }
    }
    notifications = { enabled = true, create_topic = false, topic_arn = "arn:aws:sns:ap-southeast-1:123456789012:on-call" }
  }

  assert {
    condition     = length(module.bucket) == 0 && length(module.query) == 0
    error_message = "A bucket or a workgroup is created although all are brought."
  }

  assert {
    condition = jsonencode([
      output.raw_bucket, output.lake_bucket, output.artifacts_bucket, output.database_name, output.athena_workgroup,
      output.athena_results_uri, output.job_role_arn, output.crawler_role_arn, output.workflow_role_arn, output.notification_topic_arn,
      ]) == jsonencode([
      "landing", "curated", "tools", "ledger", "analysts", "s3://results/ledger/",
      "arn:aws:iam::123456789012:role/platform-job", "arn:aws:iam::123456789012:role/platform-crawler",
      "arn:aws:iam::123456789012:role/platform-workflow", "arn:aws:sns:ap-southeast-1:123456789012:on-call",
    ])
    error_message = "Something else than what was brought is used."
  }

  assert {
    condition     = output.contract_uris.orders == "s3://tools/second/contracts/orders.json"
    error_message = "In a bucket of others the files lie in a folder of the instance's name, not at ${output.contract_uris.orders}."
  }
}

run "one_brought_bucket_leaves_the_others_to_the_module" {
  command = plan

  variables {
    buckets = { raw = { create = false, name = "landing" }, lake = { name = "my-lake" } }
  }

  assert {
    condition     = toset(keys(module.bucket)) == toset(["lake", "artifacts"]) && output.lake_bucket == "my-lake" && output.raw_bucket == "landing"
    error_message = "Created are ${join(", ", keys(module.bucket))}."
  }
}

run "a_bucket_is_closed_encrypted_and_tidy" {
  command = plan

  module {
    source = "./modules/bucket"
  }

  variables {
    name   = "sales-lake"
    expire = { "athena-results/" = 7 }
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls, aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls, aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "The bucket can be made public."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "The default is SSE-S3."
  }

  assert {
    condition     = toset(aws_s3_bucket_lifecycle_configuration.this[0].rule[*].id) == toset(["unfinished-uploads", "expire-athena-results"])
    error_message = "The lifecycle rules are ${join(", ", aws_s3_bucket_lifecycle_configuration.this[0].rule[*].id)}."
  }

  assert {
    condition     = length(aws_s3_bucket_policy.this) == 1 && !aws_s3_bucket.this.force_destroy && length(aws_s3_bucket_versioning.this) == 0 && length(aws_s3_bucket_logging.this) == 0
    error_message = "By default a bucket refuses plain HTTP, keeps its objects on destroy, and has neither versions nor access logs."
  }
}

run "a_bucket_is_there" {
  module {
    source = "./modules/bucket"
  }

  variables {
    name = "sales-lake"
  }
}

run "a_bucket_is_never_renamed" {
  command = plan

  module {
    source = "./modules/bucket"
  }

  variables {
    name = "sales-lake-eu-west-1"
  }

  expect_failures = [aws_s3_bucket.this]
}

run "a_hardened_bucket_has_a_key_versions_and_access_logs" {
  command = plan

  module {
    source = "./modules/bucket"
  }

  variables {
    name            = "sales-lake"
    kms_key_arn     = "arn:aws:kms:eu-central-1:123456789012:key/1"
    versioning      = true
    access_logs     = { enabled = true, bucket = "logs", prefix = "s3/" }
    lifecycle_rules = { noncurrent_version_days = 90 }
    require_tls     = false
  }

  assert {
    condition = jsonencode([
      for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule : [
        rule.bucket_key_enabled, rule.apply_server_side_encryption_by_default[0].sse_algorithm, rule.apply_server_side_encryption_by_default[0].kms_master_key_id,
      ]
    ]) == jsonencode([[true, "aws:kms", "arn:aws:kms:eu-central-1:123456789012:key/1"]])
    error_message = "The bucket is not encrypted with the key."
  }

  assert {
    condition     = aws_s3_bucket_versioning.this[0].versioning_configuration[0].status == "Enabled"
    error_message = "There are no versions."
  }

  assert {
    condition = one([
      for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : rule.noncurrent_version_expiration[0].noncurrent_days
      if rule.id == "old-versions"
    ]) == 90
    error_message = "Old versions are kept for another time."
  }

  assert {
    condition     = aws_s3_bucket_logging.this[0].target_bucket == "logs" && aws_s3_bucket_logging.this[0].target_prefix == "s3/sales-lake/"
    error_message = "The access logs go elsewhere."
  }

  assert {
    condition     = length(aws_s3_bucket_policy.this) == 0
    error_message = "require_tls = false still refuses plain HTTP."
  }
}

run "without_lifecycle_rules_there_are_none" {
  command = plan

  module {
    source = "./modules/bucket"
  }

  variables {
    name            = "sales-lake"
    lifecycle_rules = { enabled = false }
    force_destroy   = true
  }

  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.this) == 0 && aws_s3_bucket.this.force_destroy
    error_message = "There are lifecycle rules, or destroy stops at objects."
  }
}

run "account_and_region_can_be_said_for_the_names_of_buckets" {
  command = plan

  variables {
    account_id = "123456789012"
    region     = "ap-southeast-1"
  }

  assert {
    condition     = output.raw_bucket == "abcdefghijklmnopqrstuvwx-raw-123456789012-ap-southeast-1"
    error_message = "The bucket's name is ${output.raw_bucket}."
  }
}

run "account_and_region_are_those_of_the_provider" {
  command = plan

  variables {
    account_id = "210987654321"
    region     = "eu-west-1"
  }

  expect_failures = [output.raw_bucket]
}

run "a_created_bucket_tells_of_its_uploads" {
  command = plan

  variables {
    trigger_on_upload = {}
  }

  assert {
    condition     = local.on_upload.manage_notifications
    error_message = "Nobody turns the notifications on."
  }
}

run "a_brought_bucket_keeps_its_notifications" {
  command = plan

  variables {
    trigger_on_upload = {}
    buckets           = { raw = { create = false, name = "landing" } }
  }

  assert {
    condition     = !local.on_upload.manage_notifications
    error_message = "The notifications of a brought bucket are replaced."
  }
}

run "a_brought_bucket_is_managed_where_that_is_asked_for" {
  command = plan

  variables {
    trigger_on_upload = { manage_notifications = true }
    buckets           = { raw = { create = false, name = "landing" } }
  }

  assert {
    condition     = local.on_upload.manage_notifications
    error_message = "manage_notifications = true turns nothing on."
  }
}

run "declared_columns_need_neither_crawler_nor_its_role" {
  command = plan

  module {
    source = "./modules/catalog"
  }

  variables {
    database_name = "sales"
    raw_bucket    = "raw"
  }

  assert {
    condition     = length(aws_glue_crawler.this) + length(aws_glue_classifier.this) + length(aws_iam_role.crawler) == 0 && length(aws_glue_catalog_database.this) == 1
    error_message = "There is a crawler, a classifier or a role without a dataset to crawl, or no database."
  }
}

run "a_crawler_is_told_what_the_files_look_like" {
  command = plan

  module {
    source = "./modules/catalog"
  }

  variables {
    name                   = "sales"
    database_name          = "sales"
    create_database        = false
    raw_bucket             = "raw"
    crawled                = { stores = { crawler_name = "sales-stores", prefix = "in/stores/", csv = { delimiter = ";", quote = "'", header = false } } }
    create_role            = false
    role_arn               = "arn:aws:iam::123456789012:role/platform-crawler"
    security_configuration = "encrypted"
  }

  assert {
    condition = jsonencode([
      for classifier in aws_glue_classifier.this["stores"].csv_classifier : [classifier.delimiter, classifier.quote_symbol, classifier.contains_header]
    ]) == jsonencode([[";", "'", "ABSENT"]])
    error_message = "The classifier says something else than the dataset."
  }

  assert {
    condition = jsonencode([
      for crawler in [aws_glue_crawler.this["stores"]] : [crawler.s3_target[0].path, crawler.table_prefix, crawler.role, crawler.security_configuration, crawler.classifiers]
    ]) == jsonencode([["s3://raw/in/stores/", "raw_", "arn:aws:iam::123456789012:role/platform-crawler", "encrypted", ["sales-stores"]]])
    error_message = "The crawler is ${jsonencode(aws_glue_crawler.this["stores"])}."
  }

  assert {
    condition     = length(aws_iam_role.crawler) == 0 && length(aws_glue_catalog_database.this) == 0
    error_message = "A role or a database is created although both are brought."
  }
}

run "a_role_created_for_a_crawler_has_path_and_boundary" {
  command = plan

  module {
    source = "./modules/catalog"
  }

  variables {
    name                 = "sales"
    database_name        = "sales"
    raw_bucket           = "raw"
    crawled              = { stores = { crawler_name = "sales-stores", prefix = "stores/", csv = { delimiter = ",", quote = "\"", header = true } } }
    role_path            = "/data/"
    permissions_boundary = "arn:aws:iam::123456789012:policy/boundary"
    tags                 = { team = "sales" }
  }

  assert {
    condition = jsonencode([
      for role in aws_iam_role.crawler : [role.name, role.path, role.permissions_boundary, role.tags]
    ]) == jsonencode([["sales-crawler", "/data/", "arn:aws:iam::123456789012:policy/boundary", { team = "sales" }]])
    error_message = "The role is ${jsonencode(aws_iam_role.crawler)}."
  }
}

run "results_are_encrypted_and_scans_are_bounded" {
  command = plan

  module {
    source = "./modules/query"
  }

  variables {
    name                    = "analysts"
    results_uri             = "s3://lake/athena-results/"
    bytes_scanned_cutoff_mb = 10
    kms_key_arn             = "arn:aws:kms:eu-central-1:123456789012:key/1"
  }

  assert {
    condition = jsonencode([
      for configuration in aws_athena_workgroup.this.configuration : [
        configuration.enforce_workgroup_configuration, configuration.bytes_scanned_cutoff_per_query,
        configuration.result_configuration[0].output_location,
        configuration.result_configuration[0].encryption_configuration[0].encryption_option,
        configuration.result_configuration[0].encryption_configuration[0].kms_key_arn,
      ]
    ]) == jsonencode([[true, 10485760, "s3://lake/athena-results/", "SSE_KMS", "arn:aws:kms:eu-central-1:123456789012:key/1"]])
    error_message = "The workgroup is ${jsonencode(aws_athena_workgroup.this.configuration)}."
  }
}
