# A CloudFront distribution for one live stream: one shield before the origin, playlists kept for seconds, segments for long.

locals {
  # An error that is kept for the default 10 s would be shown to everybody who comes meanwhile.
  errors    = [404, 500, 502, 503, 504]
  error_ttl = 1
  origin_id = "origin"
}

resource "aws_cloudfront_cache_policy" "playlists" {
  name        = "${var.name}-playlists"
  comment     = "Short; only what chooses a playlist is in the key"
  min_ttl     = 0
  default_ttl = var.playlist_ttl
  max_ttl     = var.playlist_ttl

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_brotli = true
    enable_accept_encoding_gzip   = true

    cookies_config {
      cookie_behavior = "none"
    }

    headers_config {
      header_behavior = "none"
    }

    query_strings_config {
      query_string_behavior = length(var.playlist_query) > 0 ? "whitelist" : "none"

      dynamic "query_strings" {
        for_each = length(var.playlist_query) > 0 ? [1] : []

        content {
          items = var.playlist_query
        }
      }
    }
  }
}

resource "aws_cloudfront_cache_policy" "segments" {
  name        = "${var.name}-segments"
  comment     = "Long; nothing but the path is in the key"
  min_ttl     = 1
  default_ttl = var.segment_ttl
  max_ttl     = var.segment_ttl

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_brotli = false
    enable_accept_encoding_gzip   = false

    cookies_config {
      cookie_behavior = "none"
    }

    headers_config {
      header_behavior = "none"
    }

    query_strings_config {
      query_string_behavior = "none"
    }
  }
}

# The same answer for every page that embeds a player: were it the origin's to make, the first page's would be cached for all.
resource "aws_cloudfront_response_headers_policy" "players" {
  # checkov:skip=CKV_AWS_259: preloading a name cannot be taken back, and subdomains are not this stream's to bind
  name    = "${var.name}-players"
  comment = "Players on any page may fetch, and may see what caches did"

  cors_config {
    access_control_allow_credentials = false
    origin_override                  = true

    access_control_allow_headers {
      items = ["*"]
    }

    access_control_allow_methods {
      items = ["GET", "HEAD", "OPTIONS"]
    }

    access_control_allow_origins {
      items = ["*"]
    }

    access_control_expose_headers {
      items = ["Age", "Date", "X-Cache"]
    }
  }

  security_headers_config {
    content_type_options {
      override = true
    }

    strict_transport_security {
      access_control_max_age_sec = 31536000
      override                   = true
    }
  }
}

resource "aws_cloudfront_distribution" "live" {
  # checkov:skip=CKV_AWS_305: a stream has no root object
  # checkov:skip=CKV_AWS_310: a second origin is the user's to have; a plan for one says nothing of it
  # checkov:skip=CKV2_AWS_47: a WAF is billed for each request; web_acl_arn takes one
  comment         = var.name
  enabled         = true
  is_ipv6_enabled = true
  http_version    = "http2and3"
  price_class     = "PriceClass_All"
  aliases         = var.aliases
  web_acl_id      = var.web_acl_arn
  tags            = var.tags

  origin {
    domain_name         = var.origin
    origin_id           = local.origin_id
    connection_attempts = 2
    connection_timeout  = 3

    custom_origin_config {
      http_port                = 80
      https_port               = 443
      origin_protocol_policy   = "https-only"
      origin_ssl_protocols     = ["TLSv1.2"]
      origin_keepalive_timeout = 60
      origin_read_timeout      = 10
    }

    dynamic "origin_shield" {
      for_each = var.shield_region == null ? [] : [var.shield_region]

      content {
        enabled              = true
        origin_shield_region = origin_shield.value
      }
    }
  }

  default_cache_behavior {
    target_origin_id           = local.origin_id
    cache_policy_id            = aws_cloudfront_cache_policy.segments.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.players.id
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD", "OPTIONS"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = false
  }

  dynamic "ordered_cache_behavior" {
    for_each = var.playlists

    content {
      path_pattern               = ordered_cache_behavior.value
      target_origin_id           = local.origin_id
      cache_policy_id            = aws_cloudfront_cache_policy.playlists.id
      response_headers_policy_id = aws_cloudfront_response_headers_policy.players.id
      viewer_protocol_policy     = "redirect-to-https"
      allowed_methods            = ["GET", "HEAD", "OPTIONS"]
      cached_methods             = ["GET", "HEAD"]
      compress                   = true
    }
  }

  dynamic "custom_error_response" {
    for_each = toset([for code in local.errors : tostring(code)])

    content {
      error_code            = tonumber(custom_error_response.value)
      error_caching_min_ttl = local.error_ttl
    }
  }

  dynamic "logging_config" {
    for_each = var.log_bucket == null ? [] : [var.log_bucket]

    content {
      bucket          = logging_config.value
      prefix          = "${var.name}/"
      include_cookies = false
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = length(var.countries) > 0 ? "whitelist" : "none"
      locations        = var.countries
    }
  }

  viewer_certificate {
    acm_certificate_arn      = var.certificate_arn
    minimum_protocol_version = "TLSv1.2_2021"
    ssl_support_method       = "sni-only"
  }
}
