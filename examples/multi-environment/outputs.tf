output "start_commands" {
  description = "The commands that start an execution, by lake."
  value       = { for name, lake in module.lake : name => lake.start_command }
}

output "upload_uris" {
  description = "Where the CSV files go, by lake and dataset."
  value       = { for name, lake in module.lake : name => lake.upload_uris }
}

output "lakes" {
  description = "What a stack that queries a lake has to know of it, by lake: `lake` of the example consumer."
  value       = { for name, lake in module.lake : name => lake.access }
}

output "state_machine_arns" {
  description = "ARNs of the state machines, by lake."
  value       = { for name, lake in module.lake : name => lake.state_machine_arn }
}
