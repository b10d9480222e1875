# Two instances of one name in two regions of one account, with everything that the module can create.
provider "aws" {
  region = "us-east-1"
}

provider "aws" {
  alias  = "second"
  region = "eu-west-1"
}

locals {
  datasets = { orders = { columns = [{ name = "order_id", type = "int" }] }, products = {} }
  schedule = { expression = "rate(1 day)" }
  uploads  = { window_seconds = 300 }
}

module "first" {
  source = "../../.."

  name              = "twice"
  datasets          = local.datasets
  schedule          = local.schedule
  trigger_on_upload = local.uploads
  notifications     = { enabled = true }
  force_destroy     = true
  # The provider waits a minute per bucket for lifecycle rules to settle.
  lifecycle_rules = { enabled = false }
}

module "second" {
  source = "../../.."

  providers = { aws = aws.second }

  name              = "twice"
  global_suffix     = var.global_suffix
  datasets          = local.datasets
  schedule          = local.schedule
  trigger_on_upload = local.uploads
  notifications     = { enabled = true }
  force_destroy     = true
  lifecycle_rules   = { enabled = false }
}
