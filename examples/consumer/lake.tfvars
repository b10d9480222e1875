# As `terraform -chdir=examples/platform-wrapper output -json lakes` says it of the team sales.
lake = {
  database_name = "sales"
  datasets = {
    orders    = { prefix = "orders/", folder = "orders", tables = ["orders", "orders_quarantine", "v_orders"] }
    customers = { prefix = "customers/", folder = "customers", tables = ["customers", "customers_quarantine", "v_customers"] }
  }
  views       = []
  raw_bucket  = "sales-raw-123456789012-eu-central-1"
  lake_bucket = "sales-lake-123456789012-eu-central-1"
  key_arns    = ["arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"]
}
assumed_by = ["arn:aws:iam::123456789012:role/data-analyst"]
