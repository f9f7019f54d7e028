output "group" {
  description = "Name of the auto scaling group that the schedule moves."
  value       = local.group
}

output "is_managed" {
  description = "Whether EKS manages the group."
  value       = !local.is_warm
}
