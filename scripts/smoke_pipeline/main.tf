# What `make smoke` applies to somebody's account for some minutes: every kind of thing that the module creates, as small
# as it goes. Account and region come from the environment.
provider "aws" {}

data "aws_partition" "current" {}

module "lake" {
  source = "../.."

  name          = var.name
  force_destroy = true
  # The provider waits a minute per bucket for lifecycle rules to settle.
  lifecycle_rules = { enabled = false }
  workflow        = { timeouts = { crawler_poll_seconds = 2 } }
  notifications   = { enabled = true }
  glue = {
    version           = var.glue_version
    timeout_minutes   = 15
    default_arguments = { "--report_runtime" = "true" }
  }

  datasets = {
    orders = {
      partition_keys   = [{ name = "month" }]
      max_bad_fraction = 0.5
      columns = [
        { name = "order_id", type = "int", required = true },
        { name = "ordered_at", type = "timestamp" },
        { name = "amount", type = "int" },
        { name = "note" },
      ]
    }
    # No columns: the crawler finds them.
    products = {}
    # Gets a file that belongs to no day, which fails.
    strict = {
      partition_keys = [{ name = "day" }]
      columns        = [{ name = "id", type = "int" }]
    }
  }

  views = [
    { name = "totals", sql = "SELECT month, count(*) AS orders, sum(amount) AS amount FROM orders GROUP BY month" },
  ]
}

# A role of its own: that of the pipeline serves the pipeline's state machines only.
resource "aws_iam_role" "probe" {
  name = "${var.name}-probe"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "states.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy" "probe" {
  name = "probe"
  role = aws_iam_role.probe.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "s3:ListBucket"
      Resource = "arn:${data.aws_partition.current.partition}:s3:::${module.lake.raw_bucket}"
    }]
  })
}

# The pipeline's own listing folds the pages of ListObjectsV2; this one shows a page as it comes.
resource "aws_sfn_state_machine" "probe" {
  name     = "${var.name}-probe"
  role_arn = aws_iam_role.probe.arn

  definition = jsonencode({
    QueryLanguage = "JSONata"
    StartAt       = "List one object"
    States = {
      "List one object" = {
        Type      = "Task"
        Resource  = "arn:${data.aws_partition.current.partition}:states:::aws-sdk:s3:listObjectsV2"
        Arguments = { Bucket = module.lake.raw_bucket, MaxKeys = 1 }
        End       = true
      }
    }
  })

  depends_on = [aws_iam_role_policy.probe]
}
