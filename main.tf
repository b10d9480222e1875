data "aws_partition" "current" {}
data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  database_name = coalesce(var.database_name, replace(var.name, "-", "_"))
  bucket_suffix = "${data.aws_caller_identity.current.account_id}-${data.aws_region.current.id}"

  datasets = {
    for name, dataset in var.datasets : name => merge(dataset, {
      prefix           = "${trimsuffix(coalesce(dataset.prefix, name), "/")}/"
      raw_table        = "raw_${name}"
      parquet_table    = name
      quarantine_table = "${name}_quarantine"
      crawler_name     = length(dataset.columns) == 0 ? "${var.name}-${name}" : null
    })
  }
}

module "raw_bucket" {
  source = "./modules/bucket"

  name            = "${var.name}-raw-${local.bucket_suffix}"
  require_tls     = var.require_tls
  lifecycle_rules = var.lifecycle_rules
  force_destroy   = var.force_destroy
  tags            = var.tags
}

module "lake_bucket" {
  source = "./modules/bucket"

  name            = "${var.name}-lake-${local.bucket_suffix}"
  require_tls     = var.require_tls
  lifecycle_rules = var.lifecycle_rules
  expire          = { "athena-results/" = 7 }
  force_destroy   = var.force_destroy
  tags            = var.tags
}

module "artifacts_bucket" {
  source = "./modules/bucket"

  name            = "${var.name}-artifacts-${local.bucket_suffix}"
  require_tls     = var.require_tls
  lifecycle_rules = var.lifecycle_rules
  force_destroy   = var.force_destroy
  tags            = var.tags
}

module "catalog" {
  source = "./modules/catalog"

  name          = var.name
  database_name = local.database_name
  raw_bucket    = module.raw_bucket.name
  crawled = {
    for name, dataset in local.datasets : name => {
      crawler_name = dataset.crawler_name
      prefix       = dataset.prefix
      csv          = dataset.csv
    } if dataset.crawler_name != null
  }
  tags = var.tags
}

module "job" {
  source = "./modules/job"

  name             = var.name
  database_name    = local.database_name
  datasets         = local.datasets
  raw_bucket       = module.raw_bucket.name
  lake_bucket      = module.lake_bucket.name
  artifacts_bucket = module.artifacts_bucket.name
  glue             = var.glue
  tags             = var.tags
}

module "query" {
  source = "./modules/query"

  name                    = var.name
  results_uri             = "s3://${module.lake_bucket.name}/athena-results/"
  bytes_scanned_cutoff_mb = var.athena.bytes_scanned_cutoff_mb
  force_destroy           = var.force_destroy
  tags                    = var.tags
}

module "workflow" {
  source = "./modules/workflow"

  name = var.name
  datasets = {
    for name, dataset in local.datasets : name => {
      contract_bucket  = module.artifacts_bucket.name
      contract_key     = module.job.contract_keys[name]
      raw_table        = dataset.raw_table
      parquet_table    = dataset.parquet_table
      quarantine_table = dataset.quarantine_table
      source_bucket    = module.raw_bucket.name
      source_prefix    = dataset.prefix
      crawler_name     = dataset.crawler_name
    }
  }
  database_name          = module.catalog.database_name
  views                  = var.views
  glue_job_name          = module.job.job_name
  crawler_names          = values(module.catalog.crawler_names)
  lake_bucket            = module.lake_bucket.name
  artifacts_bucket       = module.artifacts_bucket.name
  athena_workgroup       = module.query.workgroup_name
  athena_results_uri     = "s3://${module.lake_bucket.name}/athena-results/"
  max_concurrency        = var.workflow.max_concurrency
  log_level              = var.workflow.log_level
  include_execution_data = var.workflow.include_execution_data
  log_retention_days     = var.workflow.log_retention_days
  tracing                = var.workflow.tracing
  tags                   = var.tags
}
