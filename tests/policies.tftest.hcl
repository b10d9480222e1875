# The policies as the real provider computes them, in a plan: no account is asked. What AWS would say about the caller is
# overridden, and so is the state machine, whose definition the provider has AWS check while planning.
provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

provider "aws" {
  alias                       = "china"
  region                      = "cn-north-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.job[0].data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.catalog[0].data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.workflow[0].data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_resource {
  target = module.workflow[0].aws_sfn_state_machine.this
}

variables {
  name = "sales-lake"
  datasets = {
    orders = {
      prefix         = "shop/orders"
      partition_keys = [{ name = "month" }]
      columns        = [{ name = "order_id", type = "bigint" }]
    }
    customers = {}
  }
}

run "the_job_may_touch_its_own_data_tables_and_logs_only" {
  command = plan

  assert {
    condition = {
      for statement in jsondecode(output.role_policies.job).Statement : statement.Sid => {
        actions   = toset(flatten([statement.Action]))
        resources = toset(flatten([statement.Resource]))
      }
      } == {
      ReadScriptsAndContracts = {
        actions = toset(["s3:GetObject"])
        resources = toset([
          "arn:aws:s3:::sales-lake-artifacts-123456789012-eu-central-1/scripts/*",
          "arn:aws:s3:::sales-lake-artifacts-123456789012-eu-central-1/contracts/*",
        ])
      }
      ListRawData = {
        actions   = toset(["s3:ListBucket"])
        resources = toset(["arn:aws:s3:::sales-lake-raw-123456789012-eu-central-1"])
      }
      ListLake = {
        actions   = toset(["s3:ListBucket"])
        resources = toset(["arn:aws:s3:::sales-lake-lake-123456789012-eu-central-1"])
      }
      ReadRawData = {
        actions = toset(["s3:GetObject"])
        resources = toset([
          "arn:aws:s3:::sales-lake-raw-123456789012-eu-central-1/shop/orders/*",
          "arn:aws:s3:::sales-lake-raw-123456789012-eu-central-1/customers/*",
        ])
      }
      WriteLake = {
        actions = toset(["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"])
        resources = toset([
          "arn:aws:s3:::sales-lake-lake-123456789012-eu-central-1/tables/*",
          "arn:aws:s3:::sales-lake-lake-123456789012-eu-central-1/quarantine/*",
          "arn:aws:s3:::sales-lake-lake-123456789012-eu-central-1/manifests/*",
          "arn:aws:s3:::sales-lake-lake-123456789012-eu-central-1/reports/*",
        ])
      }
      Publish = {
        actions = toset([
          "glue:GetTable", "glue:UpdateTable", "glue:GetPartitions", "glue:BatchGetPartition",
          "glue:BatchCreatePartition", "glue:BatchUpdatePartition", "glue:BatchDeletePartition",
        ])
        resources = toset([
          "arn:aws:glue:eu-central-1:123456789012:catalog",
          "arn:aws:glue:eu-central-1:123456789012:database/sales_lake",
          "arn:aws:glue:eu-central-1:123456789012:table/sales_lake/raw_orders",
          "arn:aws:glue:eu-central-1:123456789012:table/sales_lake/orders",
          "arn:aws:glue:eu-central-1:123456789012:table/sales_lake/orders_quarantine",
          "arn:aws:glue:eu-central-1:123456789012:table/sales_lake/raw_customers",
          "arn:aws:glue:eu-central-1:123456789012:table/sales_lake/customers",
          "arn:aws:glue:eu-central-1:123456789012:table/sales_lake/customers_quarantine",
        ])
      }
      ReportMetrics = {
        actions   = toset(["cloudwatch:PutMetricData"])
        resources = toset(["*"])
      }
      WriteLogs = {
        actions   = toset(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])
        resources = toset(["arn:aws:logs:eu-central-1:123456789012:log-group:/aws-glue/sales-lake-csv-to-parquet/*"])
      }
    }
    error_message = "The job's policy is ${output.role_policies.job}"
  }

  assert {
    condition = [
      for statement in jsondecode(output.role_policies.job).Statement : statement.Condition
      if statement.Sid == "ReportMetrics"
    ] == [{ StringEquals = { "cloudwatch:namespace" = ["CsvToParquet", "Glue"] } }]
    error_message = "Metrics may be sent to other namespaces too: ${output.role_policies.job}"
  }

  assert {
    condition = [
      for statement in jsondecode(output.role_policies.job).Statement : sort(flatten(values(statement.Condition.StringLike)))
      if statement.Sid == "ListRawData"
    ] == [["customers/*", "shop/orders/*"]]
    error_message = "The raw bucket may be listed outside of the prefixes: ${output.role_policies.job}"
  }
}

run "a_crawler_may_read_the_crawled_dataset_only" {
  command = plan

  assert {
    condition = toset(flatten([
      for statement in jsondecode(output.role_policies.crawler).Statement : statement.Resource if startswith(statement.Sid, "Read")
    ])) == toset(["arn:aws:s3:::sales-lake-raw-123456789012-eu-central-1/customers/*"])
    error_message = "The crawler's policy is ${output.role_policies.crawler}"
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(output.role_policies.crawler).Statement : statement.Resource if statement.Sid == "WriteRawTables"
      ])) == toset([
      "arn:aws:glue:eu-central-1:123456789012:catalog",
      "arn:aws:glue:eu-central-1:123456789012:database/sales_lake",
      "arn:aws:glue:eu-central-1:123456789012:table/sales_lake/raw_customers",
    ])
    error_message = "The crawler's policy is ${output.role_policies.crawler}"
  }
}

run "no_policy_allows_anything_on_everything_where_arns_exist" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    glue        = { connections = ["warehouse"], create_security_configuration = true }
    workflow    = { tracing = true }
  }

  assert {
    condition = toset(flatten([
      for policy in values(output.role_policies) : [
        for statement in jsondecode(policy).Statement : statement.Sid if contains(flatten([statement.Resource]), "*")
      ]
    ])) == toset(["ReportMetrics", "LookAtNetwork", "DeliverLogs", "Trace"])
    error_message = "Other statements than the documented exceptions have the resource *."
  }

  assert {
    condition = !anytrue(flatten([
      for policy in values(output.role_policies) : [
        for statement in jsondecode(policy).Statement : [
          for action in flatten([statement.Action]) : strcontains(action, "*")
        ]
      ]
    ]))
    error_message = "An action is not spelt out."
  }
}

run "every_role_is_for_this_account_and_region_only" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for policy in values(output.role_trust_policies) : [
        for statement in jsondecode(policy).Statement : [
          statement.Condition.StringEquals["aws:SourceAccount"] == "123456789012",
          startswith(statement.Condition.ArnLike["aws:SourceArn"], "arn:aws:${statement.Principal.Service == "glue.amazonaws.com" ? "glue" : "states"}:eu-central-1:123456789012:"),
        ]
      ]
    ]))
    error_message = "A role can be assumed from elsewhere: ${jsonencode(output.role_trust_policies)}"
  }
}

run "a_key_of_ones_own_may_be_used_by_every_role_and_nothing_else_of_kms" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }

  assert {
    condition = {
      for role, policy in output.role_policies : role => [
        for statement in jsondecode(policy).Statement : {
          actions = sort(flatten([statement.Action])), resource = statement.Resource
        } if startswith(flatten([statement.Action])[0], "kms:")
      ]
      } == {
      job      = [{ actions = ["kms:Decrypt", "kms:GenerateDataKey"], resource = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555" }]
      crawler  = [{ actions = ["kms:Decrypt"], resource = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555" }]
      workflow = [{ actions = ["kms:Decrypt", "kms:GenerateDataKey"], resource = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555" }]
    }
    error_message = "The policies are ${jsonencode(output.role_policies)}"
  }
}

run "without_a_key_no_role_may_use_kms" {
  command = plan

  assert {
    condition     = !strcontains(jsonencode(output.role_policies), "kms:")
    error_message = "The policies are ${jsonencode(output.role_policies)}"
  }
}

run "a_connection_brings_the_rights_of_a_vpc" {
  command = plan

  variables {
    glue = { connections = ["warehouse"] }
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(output.role_policies.job).Statement : statement.Resource if statement.Sid == "UseConnections"
    ])) == toset(["arn:aws:glue:eu-central-1:123456789012:catalog", "arn:aws:glue:eu-central-1:123456789012:connection/warehouse"])
    error_message = "The job's policy is ${output.role_policies.job}"
  }

  assert {
    condition = [
      for statement in jsondecode(output.role_policies.job).Statement : statement.Condition["ForAllValues:StringEquals"]["aws:TagKeys"]
      if statement.Sid == "MarkNetworkInterfaces"
    ] == ["aws-glue-service-resource"]
    error_message = "Other tags than Glue's may be set: ${output.role_policies.job}"
  }
}

run "without_a_connection_there_are_no_rights_of_a_vpc" {
  command = plan

  assert {
    condition     = !strcontains(output.role_policies.job, "ec2:")
    error_message = "The job's policy is ${output.role_policies.job}"
  }
}

run "without_metrics_glue_may_not_send_any" {
  command = plan

  variables {
    glue = { metrics = false }
  }

  assert {
    condition     = !strcontains(output.role_policies.job, "\"Glue\"") && strcontains(output.role_policies.job, "CsvToParquet")
    error_message = "The job's policy is ${output.role_policies.job}"
  }
}

run "two_hundred_datasets_fit_into_what_iam_allows" {
  command = plan

  variables {
    datasets = {
      for number in range(200) : "a_dataset_with_quite_a_long_name_${number}" => { columns = [{ name = "a" }] }
    }
    monitoring = { alarms = false }
  }

  assert {
    condition     = length(replace(output.role_policies.job, "/\\s/", "")) <= 10240
    error_message = "The job's policy has ${length(replace(output.role_policies.job, "/\\s/", ""))} characters."
  }

  assert {
    condition     = strcontains(output.role_policies.job, "table/sales_lake/*") && strcontains(output.role_policies.job, "sales-lake-raw-123456789012-eu-central-1/*")
    error_message = "The job may not reach all datasets: ${output.role_policies.job}"
  }
}

run "brought_buckets_and_prefixes_stand_in_the_policies" {
  command = plan

  variables {
    buckets = {
      raw       = { create = false, name = "landing" }
      lake      = { create = false, name = "curated" }
      artifacts = { create = false, name = "tools", prefix = "pipelines/sales/" }
    }
  }

  assert {
    condition = alltrue([
      strcontains(output.role_policies.job, "arn:aws:s3:::landing/shop/orders/*"),
      strcontains(output.role_policies.job, "arn:aws:s3:::curated/tables/*"),
      strcontains(output.role_policies.job, "arn:aws:s3:::tools/pipelines/sales/scripts/*"),
      strcontains(output.role_policies.workflow, "arn:aws:s3:::tools/pipelines/sales/contracts/*"),
      strcontains(output.role_policies.workflow, "arn:aws:s3:::curated/reports/*"),
      !strcontains(jsonencode(output.role_policies), "sales-lake-raw"),
    ])
    error_message = "The policies are ${jsonencode(output.role_policies)}"
  }
}

run "in_china_every_arn_is_chinese" {
  command = plan

  providers = {
    aws = aws.china
  }

  assert {
    condition     = !strcontains(jsonencode([output.role_policies, output.role_trust_policies, output.state_machine_definition]), "arn:aws:")
    error_message = "An ARN of the wrong partition: ${jsonencode(output.role_policies)}"
  }

  assert {
    condition     = strcontains(output.role_policies.job, "arn:aws-cn:s3:::sales-lake-raw-123456789012-cn-north-1/customers/*")
    error_message = "The job's policy is ${output.role_policies.job}"
  }
}

run "a_bucket_refuses_requests_without_tls" {
  command = plan

  module {
    source = "./modules/bucket"
  }

  variables {
    name = "sales-raw"
  }

  assert {
    condition = jsondecode(aws_s3_bucket_policy.this[0].policy).Statement == [{
      Sid       = "RefuseWithoutTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:aws:s3:::sales-raw/*", "arn:aws:s3:::sales-raw"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "The bucket's policy is ${aws_s3_bucket_policy.this[0].policy}"
  }
}
