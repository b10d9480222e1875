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
  target = module.access[0].data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.workflow[0].data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_resource {
  target = module.workflow[0].aws_sfn_state_machine.this
}

override_resource {
  target = module.workflow[0].aws_sfn_state_machine.listing
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

run "by_default_every_role_may_touch_its_own_things_only" {
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
      FindScripts = {
        actions   = toset(["s3:GetBucketLocation"])
        resources = toset(["arn:aws:s3:::sales-lake-artifacts-123456789012-eu-central-1"])
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
      FindOrphans = {
        actions = toset(["glue:GetTables"])
        resources = toset([
          "arn:aws:glue:eu-central-1:123456789012:catalog",
          "arn:aws:glue:eu-central-1:123456789012:database/sales_lake",
          "arn:aws:glue:eu-central-1:123456789012:table/sales_lake/*",
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
    condition = jsonencode([
      for statement in jsondecode(output.role_policies.job).Statement : statement.Condition
      if statement.Sid == "ReportMetrics"
    ]) == jsonencode([{ StringEquals = { "cloudwatch:namespace" = ["CsvToParquet", "Glue"] } }])
    error_message = "Metrics may be sent to other namespaces too: ${output.role_policies.job}"
  }

  assert {
    condition = jsonencode([
      for statement in jsondecode(output.role_policies.job).Statement : statement.Condition
      if statement.Sid == "ListRawData"
    ]) == jsonencode([{ StringLike = { "s3:prefix" = ["customers/*", "shop/orders/*"] } }])
    error_message = "The raw bucket may be listed outside of the prefixes: ${output.role_policies.job}"
  }

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

  assert {
    condition = alltrue(flatten([
      for policy in values(output.role_trust_policies) : [
        for statement in jsondecode(policy).Statement : [
          statement.Condition.StringEquals["aws:SourceAccount"] == "123456789012",
          alltrue([
            for source in flatten([statement.Condition.ArnLike["aws:SourceArn"]]) :
            startswith(source, "arn:aws:${statement.Principal.Service == "glue.amazonaws.com" ? "glue" : "states"}:eu-central-1:123456789012:")
          ]),
        ]
      ]
    ]))
    error_message = "A role can be assumed from elsewhere: ${jsonencode(output.role_trust_policies)}"
  }

  assert {
    condition     = !strcontains(jsonencode(output.role_policies), "kms:")
    error_message = "The policies are ${jsonencode(output.role_policies)}"
  }

  assert {
    condition     = !strcontains(output.role_policies.job, "ec2:")
    error_message = "The job's policy is ${output.role_policies.job}"
  }
}

run "with_everything_on_a_role_gets_what_that_needs_and_no_more" {
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
    ])) == toset(["ReportMetrics", "LookAtNetwork", "DeliverLogs", "Trace", "SeeSecurityConfiguration"])
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

  assert {
    condition = jsonencode({
      for role, policy in output.role_policies : role => [
        for statement in jsondecode(policy).Statement : {
          actions = sort(flatten([statement.Action])), resource = statement.Resource
        } if startswith(flatten([statement.Action])[0], "kms:")
      ]
      }) == jsonencode({
      job      = [{ actions = ["kms:Decrypt", "kms:GenerateDataKey"], resource = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555" }]
      crawler  = [{ actions = ["kms:Decrypt"], resource = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555" }]
      workflow = [{ actions = ["kms:Decrypt", "kms:GenerateDataKey"], resource = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555" }]
    })
    error_message = "The policies are ${jsonencode(output.role_policies)}"
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(output.role_policies.job).Statement : statement.Resource
      if contains(["WriteLogs", "EncryptLogs"], statement.Sid)
      ])) == toset([
      "arn:aws:logs:eu-central-1:123456789012:log-group:/aws-glue/sales-lake-csv-to-parquet*",
      "arn:aws:logs:eu-central-1:123456789012:log-group:/aws-glue/jobs-*-sales-lake/*",
    ])
    error_message = "The logs of other jobs may be written: ${output.role_policies.job}"
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

run "further_keys_are_used_for_what_they_are_given_for" {
  command = plan

  variables {
    kms_keys = {
      catalog = "arn:aws:kms:eu-central-1:123456789012:key/ca7a1090-2222-3333-4444-555555555555"
      read    = ["arn:aws:kms:eu-central-1:210987654321:key/1a4d0000-2222-3333-4444-555555555555"]
    }
  }

  assert {
    condition = alltrue([
      for policy in values(output.role_policies) : {
        for statement in jsondecode(policy).Statement : statement.Sid => {
          actions   = toset(flatten([statement.Action]))
          resources = toset(flatten([statement.Resource]))
        } if startswith(flatten([statement.Action])[0], "kms:")
        } == {
        ReadUnderOtherKeys = {
          actions   = toset(["kms:Decrypt"])
          resources = toset(["arn:aws:kms:eu-central-1:210987654321:key/1a4d0000-2222-3333-4444-555555555555"])
        }
        UseCatalogKey = {
          actions   = toset(["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"])
          resources = toset(["arn:aws:kms:eu-central-1:123456789012:key/ca7a1090-2222-3333-4444-555555555555"])
        }
      }
    ])
    error_message = "The policies are ${jsonencode(output.role_policies)}"
  }
}

run "brought_buckets_and_a_job_without_metrics_stand_in_the_policies" {
  command = plan

  variables {
    glue = { metrics = false }
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

  assert {
    condition     = !strcontains(output.role_policies.job, "\"Glue\"") && strcontains(output.role_policies.job, "CsvToParquet")
    error_message = "The job's policy is ${output.role_policies.job}"
  }
}

run "strangers_get_policies_of_what_they_read_and_upload" {
  command = plan

  variables {
    buckets = { raw = { create = false, name = "landing" }, lake = { create = false, name = "curated" } }
    athena  = { create_workgroup = false, workgroup_name = "analysts", results_uri = "s3://results/sales/" }
    views   = [{ name = "both", sql = "SELECT 1 AS one" }]
    datasets = {
      # Its data lies where it did under its first name.
      orders    = { prefix = "shop/orders", renamed_from = "sales", columns = [{ name = "order_id", type = "bigint" }] }
      customers = {}
    }
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(output.consumer_policies.orders).Statement : statement.Resource if statement.Sid == "ReadCatalog"
      ])) == toset(concat(
      ["arn:aws:glue:eu-central-1:123456789012:catalog", output.database_arn],
      [for table in ["orders", "orders_quarantine", "v_orders"] : "arn:aws:glue:eu-central-1:123456789012:table/sales_lake/${table}"],
    ))
    error_message = "The policy is ${output.consumer_policies.orders}"
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(output.consumer_policies.orders).Statement : values(statement.Condition.StringLike)
      if statement.Sid == "FindData" && jsonencode(statement.Resource) == jsonencode(output.bucket_arns.lake)
    ])) == toset(["tables/sales/*", "quarantine/sales/*"])
    error_message = "The policy is ${output.consumer_policies.orders}"
  }

  assert {
    condition     = strcontains(output.consumer_policy, "sales_lake/both") && strcontains(output.consumer_policy, output.athena_workgroup_arn)
    error_message = "The policy is ${output.consumer_policy}"
  }

  assert {
    condition     = jsondecode(output.uploader_policies.orders).Statement[0].Resource == "arn:aws:s3:::landing/shop/orders/*"
    error_message = "The policy is ${output.uploader_policies.orders}"
  }

  assert {
    condition = alltrue([
      output.bucket_arns.raw == "arn:aws:s3:::landing",
      output.athena_workgroup_arn == "arn:aws:athena:eu-central-1:123456789012:workgroup/analysts",
      jsonencode(output.view_names) == jsonencode(["v_customers", "v_orders", "both"]),
      output.schedule_name == null && output.rule_name == null && output.collector_arn == null,
    ])
    error_message = "The outputs are ${jsonencode([output.bucket_arns, output.athena_workgroup_arn, output.view_names])}"
  }
}

run "two_hundred_datasets_of_long_names_fit_into_what_iam_allows" {
  command = plan

  # Half of them are crawled; with what else makes policies long.
  variables {
    datasets = {
      for number in range(200) : "a_dataset_with_a_name_that_says_what_it_is_about_${number}" => {
        prefix  = "landing/a/folder/of/many/levels/a_dataset_with_a_name_that_says_what_it_is_about_${number}"
        columns = number % 2 == 0 ? [{ name = "a" }] : []
      }
    }
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    glue        = { connections = ["warehouse"], create_security_configuration = true }
    workflow    = { tracing = true, timeouts = { crawler_poll_seconds = 450 } }
    monitoring  = { alarms = false }
  }

  assert {
    condition     = alltrue([for policy in values(output.role_policies) : length(replace(policy, "/\\s/", "")) <= 10240])
    error_message = "The policies have ${jsonencode({ for role, policy in output.role_policies : role => length(replace(policy, "/\\s/", "")) })} characters."
  }

  # Of a managed policy: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
  assert {
    condition = alltrue([
      for policy in [output.consumer_policy, output.uploader_policy] : length(replace(policy, "/\\s/", "")) <= 6144
    ])
    error_message = "The policies have ${length(output.consumer_policy)} and ${length(output.uploader_policy)} characters."
  }

  assert {
    condition = {
      for role, policy in output.role_policies : role => toset(flatten([
        for statement in jsondecode(policy).Statement : statement.Resource
        if contains(["ReadRawData", "Publish", "WriteRawTables", "Crawl"], statement.Sid)
      ]))
      } == {
      job = toset([
        "arn:aws:s3:::sales-lake-raw-123456789012-eu-central-1/*",
        "arn:aws:glue:eu-central-1:123456789012:catalog",
        "arn:aws:glue:eu-central-1:123456789012:database/sales_lake",
        "arn:aws:glue:eu-central-1:123456789012:table/sales_lake/*",
      ])
      crawler = toset([
        "arn:aws:s3:::sales-lake-raw-123456789012-eu-central-1/*",
        "arn:aws:glue:eu-central-1:123456789012:catalog",
        "arn:aws:glue:eu-central-1:123456789012:database/sales_lake",
        "arn:aws:glue:eu-central-1:123456789012:table/sales_lake/raw_*",
      ])
      workflow = toset(["arn:aws:glue:eu-central-1:123456789012:crawler/sales-lake-*"])
    }
    error_message = "The policies are ${jsonencode(output.role_policies)}"
  }

  assert {
    condition = toset([
      for policy in values(output.role_policies) : one([
        for statement in jsondecode(policy).Statement : jsonencode(statement.Condition) if statement.Sid == "ListRawData"
      ])
    ]) == toset([jsonencode({ StringLike = { "s3:prefix" = "*" } })])
    error_message = "The policies are ${jsonencode(output.role_policies)}"
  }
}

run "in_china_every_arn_is_chinese" {
  command = plan

  providers = {
    aws = aws.china
  }

  assert {
    condition     = !strcontains(jsonencode([output.role_policies, output.role_trust_policies, output.consumer_policies, output.uploader_policy, module.workflow[0].definition]), "arn:aws:")
    error_message = "An ARN of the wrong partition: ${jsonencode(output.role_policies)}"
  }

  assert {
    condition     = strcontains(output.consumer_policy, "arn:aws-cn:athena") && strcontains(output.uploader_policy, "arn:aws-cn:s3")
    error_message = "The policies are ${output.consumer_policy} and ${output.uploader_policy}"
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
    name          = "sales-raw"
    force_destroy = true
  }

  assert {
    condition = jsonencode(jsondecode(aws_s3_bucket_policy.this[0].policy).Statement) == jsonencode([{
      Sid       = "RefuseWithoutTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:aws:s3:::sales-raw/*", "arn:aws:s3:::sales-raw"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }])
    error_message = "The bucket's policy is ${aws_s3_bucket_policy.this[0].policy}"
  }
}

# EventBridge names nobody it publishes for, so a condition on that would keep every message from an encrypted topic:
# https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
run "the_key_of_the_complete_example_lets_eventbridge_publish" {
  command = plan

  module {
    source = "./examples/complete"
  }

  variables {
    name = "shop"
  }

  override_data {
    target = data.aws_caller_identity.current
    values = { account_id = "123456789012" }
  }

  override_module {
    target  = module.shop_lake
    outputs = { start_command = "", upload_uris = {} }
  }

  assert {
    condition = alltrue([
      for principal in ["events.amazonaws.com", "cloudwatch.amazonaws.com"] : anytrue([
        for statement in jsondecode(data.aws_iam_policy_document.key.json).Statement :
        contains(flatten([try(statement.Principal.Service, [])]), principal) &&
        toset(flatten([statement.Action])) == toset(["kms:Decrypt", "kms:GenerateDataKey*"]) &&
        !(principal == "events.amazonaws.com" && can(statement.Condition))
      ])
    ])
    error_message = "The key's policy is ${data.aws_iam_policy_document.key.json}"
  }
}
