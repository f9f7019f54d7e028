output "because" {
  description = "Each value that was advised, with its reason in both languages."
  value       = { for path, id in var.why : path => var.reasons[id] }
}

output "node_groups" {
  description = "The groups that the schedule moves, one for each shape and way to pay."
  value       = { for key, one in module.nodes : key => one.groups }
}

output "load_generators" {
  description = "The group of the generators, and when it goes to zero."
  value       = one([for one in module.load_generators : { group = one.group, ends_at = one.ends_at }])
}

output "cdn_must_carry" {
  description = "What the one distribution of this region carries at the peak: hold its quotas against it."
  value       = try(var.surge.cdn.must_carry, null)
}

output "cdn" {
  description = "Where the aliases must point."
  value       = one(module.cdn[*].domain_name)
}
