output "start_command" {
  description = "The command that starts an execution."
  value       = module.lake.start_command
}

output "state_machine_arn" {
  description = "ARN of the state machine."
  value       = module.lake.state_machine_arn
}

output "upload_uris" {
  description = "Where the CSV files go, by dataset."
  value       = module.lake.upload_uris
}

output "uploader_policy" {
  description = "What whoever uploads CSV files has to be allowed, as JSON."
  value       = module.lake.uploader_policy
}

output "access" {
  description = "What a stack that queries the lake has to know of it."
  value       = module.lake.access
}
