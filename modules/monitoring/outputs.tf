output "dashboard_name" {
  description = "Name of the dashboard; null without one."
  value       = one(aws_cloudwatch_dashboard.this[*].dashboard_name)
}

output "alarm_names" {
  description = "Names of the alarms."
  value = sort(concat(
    [for alarm in aws_cloudwatch_metric_alarm.execution : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.quarantine : alarm.alarm_name],
    aws_cloudwatch_metric_alarm.no_success[*].alarm_name,
    aws_cloudwatch_metric_alarm.dead_letters[*].alarm_name,
  ))
}
