# One dataset without declared columns: a crawler finds them.
provider "aws" {}

module "orders_lake" {
  source   = "../.."
  name     = "orders-minimal"
  datasets = { orders = {} }
}
