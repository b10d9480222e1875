# The smallest pipeline that has every path: partitioned and not, declared and crawled columns, a view over two tables.
provider "aws" {
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}

module "lake" {
  source = "../../.."

  name          = "paths"
  force_destroy = true
  # The local endpoint speaks plain HTTP.
  require_tls = false
  # The provider waits a minute per bucket for lifecycle rules to settle.
  lifecycle_rules = { enabled = false }
  # The biggest file of the tests is converted on Spark.
  glue = { spark_from_mb = 8 }
  workflow = {
    on_overlap = var.on_overlap
    timeouts   = { crawler_poll_seconds = 1, overlap_poll_seconds = 1 }
  }
  schedule          = var.schedule
  trigger_on_upload = var.trigger_on_upload

  datasets = {
    orders = {
      partition_keys    = [{ name = "month" }]
      max_bad_fraction  = 0.5
      on_source_removed = "mirror"
      columns = [
        { name = "order_id", type = "int", required = true },
        { name = "region_id", type = "int" },
        { name = "amount", type = "int" },
      ]
    }
    regions = {
      schedule         = var.regions_schedule
      max_bad_rows     = 0
      max_bad_fraction = 1
      columns = [
        { name = "region_id", type = "int", required = true },
        { name = "name" },
      ]
    }
    # No columns: the crawler finds them.
    products = {}
  }

  views = concat([
    {
      name = "sales"
      sql  = <<-SQL
        SELECT r.name AS region, o.month, sum(o.amount) AS amount
        FROM orders AS o
        JOIN regions AS r ON r.region_id = o.region_id
        GROUP BY r.name, o.month
      SQL
    },
  ], var.more_views)
}
