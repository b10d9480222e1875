output "start_commands" {
  description = "The commands that start an execution, by team."
  value       = { for name, team in module.team : name => team.start_command }
}

output "state_machine_arns" {
  description = "ARNs of the state machines, by team."
  value       = { for name, team in module.team : name => team.state_machine_arn }
}

output "upload_uris" {
  description = "Where the CSV files go, by team and dataset."
  value       = { for name, team in module.team : name => team.upload_uris }
}

output "uploader_policies" {
  description = "What whoever uploads a team's CSV files has to be allowed, as JSON, by team."
  value       = { for name, team in module.team : name => team.uploader_policy }
}

output "lakes" {
  description = "What a stack that queries a team's lake has to know of it, by team: `lake` of the example consumer."
  value       = { for name, team in module.team : name => team.access }
}
