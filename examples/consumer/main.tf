# Somebody else's stack, with a state of its own, that only queries: a workgroup and a place for results of its own, and a role
# that may read one lake and nothing else. Of the lake it knows what its owner hands out.
provider "aws" {}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
# Tells the region, with provider 5.x and 6.x alike.
data "aws_service_principal" "current" { service_name = "glue" }

locals {
  account = data.aws_caller_identity.current.account_id
  region  = data.aws_service_principal.current.region
}

# Results are copies: they go by themselves, and with the stack.
module "results" {
  source = "../../modules/bucket"

  name          = "${var.name}-results-${local.account}-${local.region}"
  kms_key_arn   = aws_kms_key.results.arn
  expire        = { "results/" = 7 }
  force_destroy = true
}

resource "aws_kms_key" "results" {
  description         = "Results of ${var.name}"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.key.json
}

# The account's own policies say who may use it: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
data "aws_iam_policy_document" "key" {
  # checkov:skip=CKV_AWS_109:The policy of a key, whose * means this key: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html
  # checkov:skip=CKV_AWS_111:As above.
  # checkov:skip=CKV_AWS_356:As above.
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${local.account}:root"]
    }
  }
}

module "query" {
  source = "../../modules/query"

  name                    = var.name
  results_uri             = "s3://${module.results.name}/results/"
  kms_key_arn             = aws_kms_key.results.arn
  bytes_scanned_cutoff_mb = var.bytes_scanned_cutoff_mb
  force_destroy           = true
}

module "access" {
  source = "../../modules/access"

  database_name    = var.lake.database_name
  datasets         = var.lake.datasets
  views            = var.lake.views
  raw_bucket       = var.lake.raw_bucket
  lake_bucket      = var.lake.lake_bucket
  decrypt_key_arns = var.lake.key_arns
  workgroup_name   = module.query.workgroup_name
  results_uri      = "s3://${module.results.name}/results/"
  kms_key_arn      = aws_kms_key.results.arn
}

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "Analysts"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = var.assumed_by
    }
  }
}

resource "aws_iam_role" "this" {
  name               = var.name
  description        = "Queries of ${var.name}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

# The whole lake, or of each dataset named its tables and its view.
resource "aws_iam_role_policy" "this" {
  for_each = var.only == null ? { all = module.access.consumer_policy } : {
    for dataset in var.only : dataset => module.access.consumer_policies[dataset]
  }

  name   = "query-${each.key}"
  role   = aws_iam_role.this.id
  policy = each.value
}
