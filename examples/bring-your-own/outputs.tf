output "start_command" {
  description = "The command that starts an execution."
  value       = module.ledger_lake.start_command
}

output "upload_uris" {
  description = "Where the CSV files of each dataset go."
  value       = module.ledger_lake.upload_uris
}
