# One team's lake.
data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
# Tells the region, with provider 5.x and 6.x alike.
data "aws_service_principal" "current" { service_name = "glue" }

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_service_principal.current.region
}

module "lake" {
  source = "../../.."

  name          = var.name
  tags          = { team = var.name }
  force_destroy = !var.keep_data
  kms_key_arn   = aws_kms_key.this.arn
  kms_keys      = { read = compact([try(var.settings.landing.kms_key_arn, null)]) }

  buckets = {
    raw = var.settings.landing == null ? {} : { create = false, name = var.settings.landing.bucket }
  }
  iam = {
    path                 = var.path
    permissions_boundary = var.permissions_boundary
    job                  = local.own_roles ? {} : { create = false, role_arn = aws_iam_role.platform["job"].arn }
    workflow             = local.own_roles ? {} : { create = false, role_arn = aws_iam_role.platform["workflow"].arn }
  }
  glue     = { number_of_workers = var.settings.workers }
  schedule = var.settings.schedule == null ? null : { expression = var.settings.schedule }
  notifications = var.on_call_topic_arn == null ? {} : {
    enabled      = true
    create_topic = false
    topic_arn    = var.on_call_topic_arn
  }
  datasets = var.settings.datasets
}
