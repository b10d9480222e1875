output "database_name" {
  description = "Name of the Glue database."
  value       = aws_glue_catalog_database.this.name
}

output "crawler_names" {
  description = "Names of the crawlers, by dataset."
  value       = { for name, crawler in aws_glue_crawler.this : name => crawler.name }

  # Whoever starts a crawler needs its role to be usable.
  depends_on = [aws_iam_role_policy.crawler]
}
