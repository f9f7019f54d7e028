output "group" {
  description = "Name of the group."
  value       = aws_autoscaling_group.generators.name
}

output "ends_at" {
  description = "When the group goes to zero, in UTC."
  value       = aws_autoscaling_schedule.end.start_time
}

output "security_group_id" {
  description = "Of all machines; a target or a master of your own can let it in."
  value       = aws_security_group.generator.id
}
