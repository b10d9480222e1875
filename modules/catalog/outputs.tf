output "database_name" {
  description = "Name of the Glue database."
  value       = local.database_name
}

output "crawler_names" {
  description = "Names of the crawlers, by dataset."
  value       = { for name, crawler in aws_glue_crawler.this : name => crawler.name }

  # Whoever starts a crawler needs its role to be usable.
  depends_on = [aws_iam_role_policy.crawler]
}

output "role_arn" {
  description = "ARN of the crawlers' role, created or brought; null without crawlers."
  value       = local.crawls ? local.role_arn : null
}

output "role_policy" {
  description = "What the crawlers' role is allowed, as JSON; null without crawlers."
  value       = one(data.aws_iam_policy_document.crawler[*].json)
}

output "role_trust_policy" {
  description = "Who may assume the crawlers' role, as JSON; null without crawlers."
  value       = one(data.aws_iam_policy_document.assume[*].json)
}
