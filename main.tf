data "aws_partition" "current" {}
# Read for its region: of what data.aws_region tells, 6.x deprecates "id" and "name", and 5.x does not know "region".
data "aws_service_principal" "current" { service_name = "glue" }
data "aws_caller_identity" "current" {}

locals {
  region        = coalesce(var.region, data.aws_service_principal.current.region)
  partition     = data.aws_partition.current.partition
  bucket_suffix = "${coalesce(var.account_id, data.aws_caller_identity.current.account_id)}-${local.region}"
  # https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html and the consoles of the other partitions
  other_consoles = { aws-cn = "console.amazonaws.cn", aws-us-gov = "console.amazonaws-us-gov.com" }
  console_url    = "https://${local.region}.${lookup(local.other_consoles, local.partition, "console.aws.amazon.com")}"

  database_name = coalesce(var.database_name, replace(var.name, "-", "_"))

  # Whether a bucket is created is decided by its switch alone: the name of a brought one may be unknown while planning.
  created_buckets = {
    for role, bucket in var.buckets : role => {
      name       = coalesce(bucket.name, "${var.name}-${role}-${local.bucket_suffix}")
      versioning = bucket.versioning
      expire     = role == "lake" ? { "athena-results/" = var.lifecycle_rules.athena_results_days } : {}
    } if var.create && bucket.create
  }
  bucket_names = {
    for role, bucket in var.buckets : role => bucket.create ? try(module.bucket[role].name, null) : bucket.name
  }
  artifacts_folder = coalesce(trimsuffix(coalesce(var.buckets.artifacts.prefix, var.buckets.artifacts.create ? "/" : var.name), "/"), "/")
  artifacts_prefix = local.artifacts_folder == "/" ? "" : "${local.artifacts_folder}/"
  results_uri      = coalesce(var.athena.results_uri, "s3://${coalesce(local.bucket_names.lake, "none")}/athena-results/")

  # Of a brought bucket nothing is changed unless that is asked for.
  on_upload = var.trigger_on_upload == null ? null : merge(var.trigger_on_upload, {
    manage_notifications = coalesce(var.trigger_on_upload.manage_notifications, var.buckets.raw.create)
  })

  dataset_schedules = { for name, dataset in local.datasets : name => dataset.schedule if dataset.schedule != null }

  # Kept together with their dataset: no other table stands behind such a view.
  view_names     = { for name in keys(local.datasets) : name => var.dataset_views ? ["v_${name}"] : [] }
  workgroup_name = var.athena.create_workgroup ? one(module.query[*].workgroup_name) : var.athena.workgroup_name
  place          = "${local.region}:${data.aws_caller_identity.current.account_id}"

  # What others have to know to query the lake.
  access = {
    database_name = one(module.catalog[*].database_name)
    datasets = {
      for name, dataset in local.datasets : name => {
        prefix = dataset.prefix
        folder = dataset.lake_name
        tables = concat([dataset.parquet_table, dataset.quarantine_table], local.view_names[name])
      }
    }
    views       = var.create ? var.views[*].name : []
    raw_bucket  = local.bucket_names.raw
    lake_bucket = local.bucket_names.lake
    key_arns    = concat(compact([var.kms_key_arn, var.kms_keys.catalog]), var.kms_keys.read)
  }

  start_command = var.create ? "aws stepfunctions start-execution --region ${local.region} --state-machine-arn ${one(module.workflow[*].state_machine_arn)}" : null
}

module "bucket" {
  source   = "./modules/bucket"
  for_each = local.created_buckets

  name            = each.value.name
  kms_key_arn     = var.kms_key_arn
  versioning      = each.value.versioning
  require_tls     = var.require_tls
  access_logs     = var.access_logs
  lifecycle_rules = var.lifecycle_rules
  expire          = each.value.expire
  force_destroy   = var.force_destroy
  tags            = merge(var.tags, var.tags_by_kind.bucket)
}

module "catalog" {
  source = "./modules/catalog"
  count  = var.create ? 1 : 0

  name            = var.name
  global_suffix   = var.global_suffix
  create_database = var.create_database
  database_name   = local.database_name
  raw_bucket      = local.bucket_names.raw
  crawled = {
    for name, dataset in local.datasets : name => {
      crawler_name = dataset.crawler_name
      prefix       = dataset.prefix
      csv          = dataset.csv
    } if dataset.crawler_name != null
  }
  create_role            = var.iam.crawler.create
  role_arn               = var.iam.crawler.role_arn
  further_policies       = var.iam.crawler.policies
  role_path              = var.iam.path
  permissions_boundary   = var.iam.permissions_boundary
  kms_key_arn            = var.kms_key_arn
  kms_keys               = var.kms_keys
  security_configuration = one(module.job[*].security_configuration)
  tags                   = merge(var.tags, var.tags_by_kind.catalog)
}

module "job" {
  source = "./modules/job"
  count  = var.create ? 1 : 0

  name                 = var.name
  global_suffix        = var.global_suffix
  database_name        = local.database_name
  contracts            = { for name, contract in local.contracts : name => jsonencode(contract) }
  tables               = flatten([for dataset in local.datasets : [dataset.raw_table, dataset.parquet_table, dataset.quarantine_table]])
  source_prefixes      = values(local.datasets)[*].prefix
  scripts_folder       = "${path.module}/glue_scripts"
  raw_bucket           = local.bucket_names.raw
  lake_bucket          = local.bucket_names.lake
  artifacts_bucket     = local.bucket_names.artifacts
  artifacts_prefix     = local.artifacts_prefix
  kms_key_arn          = var.kms_key_arn
  kms_keys             = var.kms_keys
  glue                 = var.glue
  task_slots           = (var.glue.number_of_workers - 1) * local.worker_dpus[var.glue.worker_type] * local.dpu_vcpus
  create_role          = var.iam.job.create
  role_arn             = var.iam.job.role_arn
  further_policies     = var.iam.job.policies
  role_path            = var.iam.path
  permissions_boundary = var.iam.permissions_boundary
  tags                 = merge(var.tags, var.tags_by_kind.job)
}

module "query" {
  source = "./modules/query"
  count  = var.create && var.athena.create_workgroup ? 1 : 0

  name                    = coalesce(var.athena.workgroup_name, var.name)
  results_uri             = local.results_uri
  kms_key_arn             = var.kms_key_arn
  bytes_scanned_cutoff_mb = var.athena.bytes_scanned_cutoff_mb
  force_destroy           = var.force_destroy
  tags                    = merge(var.tags, var.tags_by_kind.query)
}

module "access" {
  source = "./modules/access"
  count  = var.create ? 1 : 0

  database_name    = local.access.database_name
  datasets         = local.access.datasets
  views            = local.access.views
  raw_bucket       = local.access.raw_bucket
  lake_bucket      = local.access.lake_bucket
  workgroup_name   = local.workgroup_name
  results_uri      = local.results_uri
  kms_key_arn      = var.kms_key_arn
  upload_key_arn   = var.buckets.raw.create ? var.kms_key_arn : null
  decrypt_key_arns = concat(var.kms_keys.read, compact([var.kms_keys.catalog]))
}

module "workflow" {
  source = "./modules/workflow"
  count  = var.create ? 1 : 0

  name             = var.name
  global_suffix    = var.global_suffix
  templates_folder = "${path.module}/sfn"
  datasets = {
    for name, dataset in local.datasets : name => {
      contract_bucket  = local.bucket_names.artifacts
      contract_key     = module.job[0].contract_keys[name]
      raw_table        = dataset.raw_table
      parquet_table    = dataset.parquet_table
      quarantine_table = dataset.quarantine_table
      source_bucket    = local.bucket_names.raw
      source_prefix    = dataset.prefix
      crawler_name     = dataset.crawler_name
    }
  }
  database_name          = module.catalog[0].database_name
  views                  = var.views
  dataset_views          = var.dataset_views
  on_overlap             = var.workflow.on_overlap
  on_dataset_removed     = var.on_dataset_removed
  glue_job_name          = module.job[0].job_name
  glue_job_runs          = var.glue.max_concurrent_runs
  crawler_names          = values(module.catalog[0].crawler_names)
  lake_bucket            = local.bucket_names.lake
  artifacts_bucket       = local.bucket_names.artifacts
  athena_workgroup       = local.workgroup_name
  athena_results_uri     = local.results_uri
  kms_key_arn            = var.kms_key_arn
  kms_keys               = var.kms_keys
  create_role            = var.iam.workflow.create
  role_arn               = var.iam.workflow.role_arn
  further_policies       = var.iam.workflow.policies
  role_path              = var.iam.path
  permissions_boundary   = var.iam.permissions_boundary
  max_concurrency        = var.workflow.max_concurrency
  log_level              = var.workflow.log_level
  include_execution_data = var.workflow.include_execution_data
  log_retention_days     = var.workflow.log_retention_days
  create_log_group       = var.workflow.create_log_group
  log_group_name         = var.workflow.log_group_name
  tracing                = var.workflow.tracing
  timeouts               = var.workflow.timeouts
  tags                   = merge(var.tags, var.tags_by_kind.workflow)
}

module "triggers" {
  source = "./modules/triggers"
  count  = var.create && (var.schedule != null || var.trigger_on_upload != null || length(local.dataset_schedules) > 0) ? 1 : 0

  name                  = var.name
  global_suffix         = var.global_suffix
  state_machine_arn     = module.workflow[0].state_machine_arn
  schedule              = var.schedule
  dataset_schedules     = local.dataset_schedules
  on_upload             = local.on_upload
  dead_letters          = var.dead_letters
  sources               = { for name, dataset in local.datasets : name => { bucket = local.bucket_names.raw, prefix = dataset.prefix } }
  source_buckets        = { raw = local.bucket_names.raw }
  kms_key_arn           = var.kms_key_arn
  state_machine_key_arn = var.kms_keys.state_machines
  role_path             = var.iam.path
  permissions_boundary  = var.iam.permissions_boundary
  log_retention_days    = var.workflow.log_retention_days
  create_log_group      = var.workflow.create_log_group
  log_group_name        = var.workflow.log_group_name
  tags                  = merge(var.tags, var.tags_by_kind.triggers)
}

module "notifications" {
  source = "./modules/notifications"
  count  = var.create && var.notifications.enabled ? 1 : 0

  name              = var.name
  create_topic      = var.notifications.create_topic
  topic_arn         = var.notifications.topic_arn
  emails            = var.notifications.emails
  chat              = var.notifications.chat
  chat_topic_arn    = var.notifications.chat_topic_arn
  state_machine_arn = module.workflow[0].state_machine_arn
  start_command     = local.start_command
  console_url       = local.console_url
  kms_key_arn       = var.kms_key_arn
  tags              = merge(var.tags, var.tags_by_kind.notifications)
}

module "monitoring" {
  source = "./modules/monitoring"
  count  = var.create ? 1 : 0

  name              = var.name
  global_suffix     = var.global_suffix
  state_machine_arn = module.workflow[0].state_machine_arn
  database_name     = local.database_name
  datasets          = keys(var.datasets)
  dpus              = max(0, [for workers in local.dataset_workers : workers.number * local.worker_dpus[workers.type]]...)
  dashboard         = var.monitoring.dashboard
  alarms            = var.monitoring.alarms
  no_success_hours  = var.monitoring.no_success_hours
  alarm_actions     = var.monitoring.alarm_actions
  dead_letters      = var.dead_letters
  dead_letter_queue = try(module.triggers[0].dead_letter_queue_name, null)
  notify            = var.notifications.enabled
  topic_arn         = one(module.notifications[*].topic_arn)
  tags              = merge(var.tags, var.tags_by_kind.monitoring)
}
