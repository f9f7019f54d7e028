variable "name" {
  description = "Of the distribution and its cache policies."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([-a-z0-9]{0,46}[a-z0-9])?$", var.name))
    error_message = "name: expected up to 48 small letters, digits and dashes, found \"${var.name}\"."
  }
}

variable "origin" {
  description = "Host name of the origin. CloudFront takes no addresses."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.origin))
    error_message = "origin: expected a public host name such as origin.example.com, found \"${coalesce(var.origin, "none")}\"."
  }
}

variable "shield_region" {
  description = "AWS region of the origin shield; null for none. Which regions have one, AWS says when it is applied: it gets more."
  type        = string
  default     = null

  validation {
    condition     = var.shield_region == null ? true : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.shield_region))
    error_message = "shield_region: expected an AWS region such as ap-southeast-1, found \"${coalesce(var.shield_region, "-")}\"."
  }
}

variable "playlist_ttl" {
  description = "Seconds that a playlist is kept. Longer than a segment, and players stand still."
  type        = number

  validation {
    condition     = var.playlist_ttl >= 1 && var.playlist_ttl <= 10 && floor(var.playlist_ttl) == var.playlist_ttl
    error_message = "playlist_ttl: expected whole seconds from 1 to 10, found ${var.playlist_ttl}."
  }
}

variable "segment_ttl" {
  description = "Seconds that a segment is kept; its bytes never change."
  type        = number
  default     = 86400

  validation {
    condition     = var.segment_ttl >= 60 && var.segment_ttl <= 31536000 && floor(var.segment_ttl) == var.segment_ttl
    error_message = "segment_ttl: expected whole seconds from 60 to 31,536,000, found ${var.segment_ttl}."
  }

  validation {
    condition     = var.segment_ttl >= var.playlist_ttl
    error_message = "segment_ttl: expected no less than playlist_ttl."
  }
}

variable "playlist_query" {
  description = "Query parameters that choose a playlist, such as _HLS_msn and _HLS_part of low-latency HLS. All others, CMCD among them, stay out of the cache key."
  type        = set(string)
  default     = []

  validation {
    condition     = length(var.playlist_query) <= 10 && !anytrue([for name in var.playlist_query : can(regex("(?i)^cmcd$|[*?&=]", name))])
    error_message = "playlist_query: expected up to 10 names, and never CMCD: it differs for each request, so nothing would be cached."
  }
}

variable "playlists" {
  description = "Paths of playlists and manifests."
  type        = list(string)
  default     = ["*.m3u8", "*.mpd"]

  validation {
    condition     = length(var.playlists) >= 1 && length(var.playlists) <= 20
    error_message = "playlists: expected 1 to 20 path patterns, found ${length(var.playlists)}."
  }
}

variable "certificate_arn" {
  description = "Of a certificate in us-east-1, where CloudFront looks. Without one of your own CloudFront lets TLS 1.0 in."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[-a-z]*:acm:us-east-1:[0-9]{12}:certificate/[-0-9a-f]+$", var.certificate_arn))
    error_message = "certificate_arn: expected an ACM certificate in us-east-1, found \"${var.certificate_arn}\"."
  }
}

variable "aliases" {
  description = "Host names that viewers use; the certificate must cover them."
  type        = list(string)

  validation {
    condition     = length(var.aliases) >= 1 && length(var.aliases) <= 100
    error_message = "aliases: expected 1 to 100 host names, found ${length(var.aliases)}."
  }
}

variable "countries" {
  description = "ISO codes of the only countries that are served; empty for all."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for code in var.countries : can(regex("^[A-Z]{2}$", code))])
    error_message = "countries: expected codes of two capital letters, such as ID."
  }
}

variable "log_bucket" {
  description = "Domain name of an S3 bucket for access logs; null for none. At a surge they are large: one line a request."
  type        = string
  default     = null
}

variable "web_acl_arn" {
  description = "A WAF for the distribution; null for none. It is billed per request."
  type        = string
  default     = null
}

variable "tags" {
  description = "Put on what can carry them."
  type        = map(string)
  default     = {}
}
