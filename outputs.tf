output "state_machine_arn" {
  description = "ARN of the state machine."
  value       = one(module.workflow[*].state_machine_arn)
}

output "state_machine_name" {
  description = "Name of the state machine."
  value       = one(module.workflow[*].state_machine_name)
}

output "listing_state_machine_arn" {
  description = "ARN of the Express state machine that lists S3 for it."
  value       = one(module.workflow[*].listing_arn)
}

output "dataset_schedule_names" {
  description = "Names of the datasets' own schedules, by dataset."
  value       = try(module.triggers[0].dataset_schedule_names, {})
}

output "schedule_name" {
  description = "Name of the schedule; null without one."
  value       = one(module.triggers[*].schedule_name)
}

output "rule_name" {
  description = "Name of the EventBridge rule for uploads; null without one."
  value       = one(module.triggers[*].rule_name)
}

output "collector_arn" {
  description = "ARN of the state machine that turns uploads into executions; null without one."
  value       = one(module.triggers[*].collector_arn)
}

output "start_command" {
  description = "The command that starts an execution."
  value       = local.start_command
}

output "console_url" {
  description = "The state machine in the AWS console."
  value       = var.create ? "${local.console_url}/states/home?region=${local.region}#/statemachines/view/${one(module.workflow[*].state_machine_arn)}" : null
}

output "dashboard_url" {
  description = "The dashboard in the AWS console; null without one."
  value       = var.create && var.monitoring.dashboard ? "${local.console_url}/cloudwatch/home?region=${local.region}#dashboards/dashboard/${one(module.monitoring[*].dashboard_name)}" : null
}

output "alarm_names" {
  description = "Names of the CloudWatch alarms."
  value       = flatten(module.monitoring[*].alarm_names)
}

output "notification_topic_arn" {
  description = "SNS topic of the messages; null without notifications."
  value       = one(module.notifications[*].topic_arn)
}

output "raw_bucket" {
  description = "Bucket the CSV files are uploaded to."
  value       = local.bucket_names.raw

  precondition {
    condition     = coalesce(var.account_id, data.aws_caller_identity.current.account_id) == data.aws_caller_identity.current.account_id
    error_message = "account_id is ${coalesce(var.account_id, "-")}, and the provider acts in the account ${data.aws_caller_identity.current.account_id}."
  }

  precondition {
    condition     = local.region == data.aws_service_principal.current.region
    error_message = "region is ${local.region}, and the provider acts in ${data.aws_service_principal.current.region}."
  }
}

output "dead_letter_queue_url" {
  description = "Queue of what the schedule and the upload rule could not deliver; null without one."
  value       = one(module.triggers[*].dead_letter_queue_url)
}

output "bucket_arns" {
  description = "ARNs of the buckets, created or brought: raw, lake and artifacts."
  value       = { for role, name in local.bucket_names : role => "arn:${local.partition}:s3:::${name}" if name != null }
}

output "upload_uris" {
  description = "Where the CSV files of each dataset go."
  value       = { for name, dataset in local.datasets : name => "s3://${local.bucket_names.raw}/${dataset.prefix}" }
}

output "lake_bucket" {
  description = "Bucket of the Parquet tables, quarantine, manifests and reports."
  value       = local.bucket_names.lake
}

output "artifacts_bucket" {
  description = "Bucket of the scripts and contracts."
  value       = local.bucket_names.artifacts
}

output "contract_uris" {
  description = "Contract file of each dataset."
  value = {
    for name, key in try(module.job[0].contract_keys, {}) : name => "s3://${local.bucket_names.artifacts}/${key}"
  }
}

output "database_name" {
  description = "Glue database of all tables and views."
  value       = one(module.catalog[*].database_name)
}

output "database_arn" {
  description = "ARN of the Glue database."
  value       = var.create ? "arn:${local.partition}:glue:${local.place}:database/${one(module.catalog[*].database_name)}" : null
}

output "view_names" {
  description = "Names of the views, in the order in which executions create them."
  value       = concat(flatten(values(local.view_names)), var.create ? var.views[*].name : [])
}

output "tables" {
  description = "Tables of each dataset: raw, Parquet and quarantine."
  value = {
    for name, dataset in local.datasets : name => {
      raw        = dataset.raw_table
      parquet    = dataset.parquet_table
      quarantine = dataset.quarantine_table
    }
  }
}

output "crawler_names" {
  description = "Crawlers, by dataset; those with declared columns have none."
  value       = try(module.catalog[0].crawler_names, {})
}

output "athena_workgroup" {
  description = "Athena workgroup to query with."
  value       = local.workgroup_name
}

output "athena_workgroup_arn" {
  description = "ARN of the Athena workgroup, created or brought."
  value       = var.create ? "arn:${local.partition}:athena:${local.place}:workgroup/${local.workgroup_name}" : null
}

output "athena_results_uri" {
  description = "Where the results of queries go."
  value       = var.create ? local.results_uri : null
}

output "glue_job_name" {
  description = "Name of the Glue job."
  value       = one(module.job[*].job_name)
}

output "glue_job_arn" {
  description = "ARN of the Glue job."
  value       = one(module.job[*].job_arn)
}

output "job_role_arn" {
  description = "ARN of the Glue job's role."
  value       = one(module.job[*].role_arn)
}

output "crawler_role_arn" {
  description = "ARN of the crawlers' role; null without crawlers."
  value       = one(module.catalog[*].role_arn)
}

output "workflow_role_arn" {
  description = "ARN of the state machine's role."
  value       = one(module.workflow[*].role_arn)
}

output "role_policies" {
  description = "What each role needs to be allowed, as JSON: for roles of one's own (`iam`)."
  # Not with a splat, which would depend on everything in the module: a brought role gets its policy before the state
  # machine is created, which Step Functions refuses while the role may not deliver logs.
  value = {
    job      = try(module.job[0].role_policy, null)
    crawler  = try(module.catalog[0].role_policy, null)
    workflow = try(module.workflow[0].role_policy, null)
  }
}

output "consumer_policy" {
  description = "What whoever queries has to be allowed, as JSON: Athena, the catalog, and reading all tables and views."
  value       = one(module.access[*].consumer_policy)
}

output "consumer_policies" {
  description = "The same for one dataset, by dataset: its tables and its view."
  value       = try(module.access[0].consumer_policies, {})
}

output "uploader_policy" {
  description = "What whoever uploads CSV files has to be allowed, as JSON, for all datasets."
  value       = one(module.access[*].uploader_policy)
}

output "uploader_policies" {
  description = "The same for one dataset, by dataset."
  value       = try(module.access[0].uploader_policies, {})
}

output "access" {
  description = "What a stack of its own has to know to query in a workgroup of its own, for `modules/access` there: names, and the keys to decrypt with."
  value       = local.access
}

output "role_trust_policies" {
  description = "Who has to be able to assume each role, as JSON: for roles of one's own (`iam`)."
  value = {
    job      = try(module.job[0].role_trust_policy, null)
    crawler  = try(module.catalog[0].role_trust_policy, null)
    workflow = try(module.workflow[0].role_trust_policy, null)
  }
}

output "log_group_names" {
  description = "Log groups of the state machine and of the Glue job."
  value       = concat(module.workflow[*].log_group_name, flatten(module.job[*].log_group_names))
}
