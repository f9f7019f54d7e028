output "groups" {
  description = "Names of the auto scaling groups that the schedule moves."
  value       = local.groups
}

output "is_managed" {
  description = "Whether EKS manages the group."
  value       = !local.is_warm
}
