# One configuration, one state per environment:
#   terraform apply -var-file=environments/dev.tfvars
# Two lakes from one map: the module works under for_each.
provider "aws" {
  default_tags {
    tags = { environment = var.environment }
  }
}

locals {
  lakes = {
    sales   = { orders = ["order_id", "customer"], customers = ["customer", "country"] }
    support = { tickets = ["ticket_id", "opened_by"] }
  }
}

module "lake" {
  source   = "../.."
  for_each = local.lakes

  name          = "${each.key}-${var.environment}"
  force_destroy = !var.keep_data
  glue          = { number_of_workers = var.workers }
  notifications = { enabled = length(var.emails) > 0, emails = var.emails }
  datasets = {
    for dataset, columns in each.value : dataset => {
      columns = [for column in columns : { name = column }]
    }
  }
}
