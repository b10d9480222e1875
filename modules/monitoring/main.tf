data "aws_service_principal" "current" { service_name = "glue" } # for its region: see the root

locals {
  region  = data.aws_service_principal.current.region
  actions = concat(var.notify ? [var.topic_arn] : [], var.alarm_actions)

  # What is watched of the executions, by alarm: metric and what it means.
  # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
  execution_alarms = {
    failed    = { metric = "ExecutionsFailed", meaning = "An execution failed. Its cause names each failed dataset; the next execution repairs what is half done." }
    timed-out = { metric = "ExecutionsTimedOut", meaning = "An execution timed out (workflow.timeouts.execution_seconds). The next execution goes on where it ended." }
  }

  hour = 3600
}

resource "aws_cloudwatch_metric_alarm" "execution" {
  for_each = var.alarms ? local.execution_alarms : {}

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.meaning
  namespace           = "AWS/States"
  metric_name         = each.value.metric
  dimensions          = { StateMachineArn = var.state_machine_arn }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  # Without the notifications: EventBridge's message about the same execution says more.
  alarm_actions = var.alarm_actions
  tags          = var.tags
}

# One per dataset, so that the alarm says where to look. The job sends the metric with its report.
resource "aws_cloudwatch_metric_alarm" "quarantine" {
  for_each = var.alarms ? var.datasets : []

  alarm_name          = "${var.name}-quarantine-${each.value}"
  alarm_description   = "Rows of ${each.value} could not be converted: SELECT * FROM ${var.database_name}.${each.value}_quarantine shows file, line and reason."
  namespace           = "CsvToParquet"
  metric_name         = "rows_quarantined"
  dimensions          = { Database = var.database_name, Dataset = each.value }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "no_success" {
  count = var.alarms && var.no_success_hours != null ? 1 : 0

  alarm_name          = "${var.name}-no-success"
  alarm_description   = "No execution has succeeded for ${var.no_success_hours} hours: is it still started, and why does it fail?"
  namespace           = "AWS/States"
  metric_name         = "ExecutionsSucceeded"
  dimensions          = { StateMachineArn = var.state_machine_arn }
  statistic           = "Sum"
  period              = local.hour
  evaluation_periods  = var.no_success_hours
  threshold           = 1
  comparison_operator = "LessThanThreshold"
  # No execution at all is what this is about.
  treat_missing_data = "breaching"
  alarm_actions      = local.actions
  ok_actions         = local.actions
  tags               = var.tags
}

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  count = var.alarms && var.dead_letters ? 1 : 0

  alarm_name          = "${var.name}-not-delivered"
  alarm_description   = "The schedule or an upload did not start an execution: the messages in ${var.dead_letter_queue} say why. The next start makes up for it."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = var.dead_letter_queue }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.actions
  tags                = var.tags
}

locals {
  # The job's metrics by dataset, whatever datasets there are:
  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
  by_dataset = {
    for metric in ["rows_written", "rows_quarantined", "rows_read", "source_bytes", "seconds"] : metric =>
    "SEARCH('{CsvToParquet,Database,Dataset} MetricName=\"${metric}\" Database=\"${var.database_name}\"', 'Sum', ${local.hour})"
  }

  widgets = [
    {
      title = "Executions"
      stat  = "Sum"
      metrics = [
        for metric, label in {
          ExecutionsStarted  = "started", ExecutionsSucceeded = "succeeded", ExecutionsFailed = "failed",
          ExecutionsTimedOut = "timed out", ExecutionsAborted = "aborted",
        } : ["AWS/States", metric, "StateMachineArn", var.state_machine_arn, { label = label }]
      ]
    },
    {
      title = "Duration of executions (milliseconds)"
      stat  = "Maximum"
      metrics = [
        ["AWS/States", "ExecutionTime", "StateMachineArn", var.state_machine_arn, { label = "longest" }],
        ["AWS/States", "ExecutionTime", "StateMachineArn", var.state_machine_arn, { label = "mean", stat = "Average" }],
      ]
    },
    {
      title   = "Rows written"
      stat    = "Sum"
      metrics = [[{ expression = local.by_dataset.rows_written, id = "written" }]]
    },
    {
      title   = "Rows in quarantine"
      stat    = "Sum"
      metrics = [[{ expression = local.by_dataset.rows_quarantined, id = "quarantined" }]]
    },
    {
      title   = "CSV read (bytes)"
      stat    = "Sum"
      metrics = [[{ expression = local.by_dataset.source_bytes, id = "bytes" }]]
    },
    {
      # Glue has no metric for what it bills. With autoscaling this is the most it can be.
      title = "Glue DPU hours (at most)"
      stat  = "Sum"
      metrics = [
        [{ expression = "SUM(${local.by_dataset.seconds}) * ${var.dpus} / 3600", id = "dpu_hours", label = "DPU hours" }],
      ]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.dashboard ? 1 : 0

  dashboard_name = "${var.name}${var.global_suffix}"
  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
  dashboard_body = jsonencode({
    widgets = [
      for index, widget in local.widgets : {
        type   = "metric"
        x      = 12 * (index % 2)
        y      = 6 * floor(index / 2)
        width  = 12
        height = 6
        properties = {
          title   = widget.title
          region  = local.region
          view    = "timeSeries"
          stat    = widget.stat
          period  = local.hour
          metrics = widget.metrics
        }
      }
    ]
  })
}
