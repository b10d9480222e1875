output "start_commands" {
  description = "The commands that start an execution, by lake."
  value       = { for name, lake in module.lake : name => lake.start_command }
}

output "upload_uris" {
  description = "Where the CSV files go, by lake and dataset."
  value       = { for name, lake in module.lake : name => lake.upload_uris }
}
