output "domain_name" {
  description = "Point the aliases here."
  value       = aws_cloudfront_distribution.live.domain_name
}

output "distribution_id" {
  description = "For invalidations and metrics."
  value       = aws_cloudfront_distribution.live.id
}
