output "consumer_policy" {
  description = "What is needed to query all tables and views, as JSON."
  value       = jsonencode(jsondecode(data.aws_iam_policy_document.consumer[local.every].json))
}

output "consumer_policies" {
  description = "What is needed to query one dataset, as JSON, by dataset."
  value       = { for name in keys(var.datasets) : name => jsonencode(jsondecode(data.aws_iam_policy_document.consumer[name].json)) }
}

output "uploader_policy" {
  description = "What is needed to upload CSV files of all datasets, as JSON."
  value       = jsonencode(jsondecode(data.aws_iam_policy_document.uploader[local.every].json))
}

output "uploader_policies" {
  description = "What is needed to upload CSV files of one dataset, as JSON, by dataset."
  value       = { for name in keys(var.datasets) : name => jsonencode(jsondecode(data.aws_iam_policy_document.uploader[name].json)) }
}
