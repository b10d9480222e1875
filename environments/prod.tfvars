# terraform apply -var-file=environments/prod.tfvars
name = "csv-lake-prod"
tags = { environment = "prod" }

buckets = {
  raw  = { versioning = true }
  lake = { versioning = true }
}

glue = {
  worker_type       = "G.2X"
  number_of_workers = 10
}

notifications = {
  enabled = true
  emails  = ["data-platform@example.com"]
}

datasets = {
  orders = {
    partition_keys = [{ name = "month" }]
    columns = [
      { name = "order_id", type = "bigint", required = true },
      { name = "ordered_at", type = "timestamp" },
      { name = "customer" },
      { name = "amount", type = "decimal(12,2)" },
    ]
  }
  customers = {
    columns = [
      { name = "customer", required = true },
      { name = "country" },
    ]
  }
}

views = [
  {
    name = "revenue"
    sql  = <<-SQL
      SELECT c.country, o.month, sum(o.amount) AS revenue
      FROM orders AS o
      JOIN customers AS c ON c.customer = o.customer
      GROUP BY c.country, o.month
    SQL
  },
]
