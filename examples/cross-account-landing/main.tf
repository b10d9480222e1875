# The lake's account: the CSV files lie in another account's bucket, under that account's key.
provider "aws" {}

module "lake" {
  source = "../.."

  name     = var.name
  buckets  = { raw = { create = false, name = var.landing_bucket } }
  kms_keys = { read = [local.landing_key_arn] }
  # The other account's bus is told of uploads, not this one's; so the lake looks for itself.
  schedule = { expression = "rate(1 hour)" }

  datasets = {
    orders = {
      partition_keys = [{ name = "month" }]
      columns        = [{ name = "order_id", type = "bigint", required = true }, { name = "amount", type = "double" }]
    }
    # Without columns, so there is a crawler, which reads the bucket too.
    customers = {}
  }
}
