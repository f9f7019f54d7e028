mock_provider "aws" {}

variables {
  name            = "surgecast-id-viral-goal"
  origin          = "origin.example.com"
  shield_region   = "ap-southeast-1"
  playlist_ttl    = 1
  certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-0000-0000-0000-000000000000"
  aliases         = ["live.example.com"]
}

run "playlists_are_kept_for_a_second_and_segments_for_long" {
  command = plan

  assert {
    condition     = aws_cloudfront_cache_policy.playlists.max_ttl == 1 && aws_cloudfront_cache_policy.segments.max_ttl == 86400
    error_message = "TTLs are not as advised."
  }

  assert {
    condition = alltrue([for policy in [aws_cloudfront_cache_policy.playlists, aws_cloudfront_cache_policy.segments] :
    policy.parameters_in_cache_key_and_forwarded_to_origin[0].query_strings_config[0].query_string_behavior == "none"])
    error_message = "A query, CMCD for one, would be in the cache key."
  }

  assert {
    condition     = [for behavior in aws_cloudfront_distribution.live.ordered_cache_behavior : behavior.path_pattern] == ["*.m3u8", "*.mpd"]
    error_message = "Playlists do not get their policy."
  }
}

run "one_shield_and_no_old_tls" {
  command = plan

  assert {
    condition     = one(aws_cloudfront_distribution.live.origin).origin_shield[0].origin_shield_region == "ap-southeast-1"
    error_message = "There is no shield where it was advised."
  }

  assert {
    condition     = aws_cloudfront_distribution.live.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021"
    error_message = "Old TLS would be let in."
  }

  assert {
    condition     = length(aws_cloudfront_distribution.live.logging_config) == 0
    error_message = "Logs were not asked for."
  }
}

run "no_shield_where_none_was_advised" {
  command = plan

  variables {
    shield_region = null
  }

  assert {
    condition     = length(one(aws_cloudfront_distribution.live.origin).origin_shield) == 0
    error_message = "A shield costs money for each request."
  }
}

run "low_latency_hls_keeps_its_own_query_and_no_other" {
  command = plan

  variables {
    playlist_query = ["_HLS_msn", "_HLS_part"]
  }

  assert {
    condition     = one(aws_cloudfront_cache_policy.playlists.parameters_in_cache_key_and_forwarded_to_origin[0].query_strings_config[0].query_strings).items == toset(["_HLS_msn", "_HLS_part"])
    error_message = "Blocking playlist reloads would get each other's answers."
  }
}

run "logs_and_countries_when_asked_for" {
  command = plan

  variables {
    log_bucket = "logs.s3.amazonaws.com"
    countries  = ["ID"]
  }

  assert {
    condition     = aws_cloudfront_distribution.live.logging_config[0].bucket == "logs.s3.amazonaws.com" && aws_cloudfront_distribution.live.restrictions[0].geo_restriction[0].restriction_type == "whitelist"
    error_message = "Logs or countries are not as asked for."
  }
}

run "a_shield_that_only_ones_own_file_knows" {
  command = plan

  variables {
    shield_region = "ap-southeast-3"
  }

  assert {
    condition     = one(aws_cloudfront_distribution.live.origin).origin_shield[0].origin_shield_region == "ap-southeast-3"
    error_message = "The advice's shield is not the one that is made."
  }
}

run "a_shield_in_no_region" {
  command = plan

  variables {
    shield_region = "jakarta"
  }

  expect_failures = [var.shield_region]
}

run "playlists_older_than_players_bear" {
  command = plan

  variables {
    playlist_ttl = 11
  }

  expect_failures = [var.playlist_ttl]
}

run "a_playlist_ttl_of_nothing" {
  command = plan

  variables {
    playlist_ttl = 0
  }

  expect_failures = [var.playlist_ttl]
}

run "segments_that_are_kept_for_seconds" {
  command = plan

  variables {
    segment_ttl = 5
  }

  expect_failures = [var.segment_ttl]
}

run "cmcd_in_the_cache_key" {
  command = plan

  variables {
    playlist_query = ["CMCD"]
  }

  expect_failures = [var.playlist_query]
}

run "an_address_as_origin" {
  command = plan

  variables {
    origin = "127.0.0.1"
  }

  expect_failures = [var.origin]
}

run "no_origin" {
  command = plan

  variables {
    origin = null
  }

  expect_failures = [var.origin]
}

run "a_certificate_where_cloudfront_does_not_look" {
  command = plan

  variables {
    certificate_arn = "arn:aws:acm:ap-southeast-3:123456789012:certificate/0a1b2c3d-0000-0000-0000-000000000000"
  }

  expect_failures = [var.certificate_arn]
}

run "countries_by_their_names" {
  command = plan

  variables {
    countries = ["Indonesia"]
  }

  expect_failures = [var.countries]
}

run "no_name_for_viewers" {
  command = plan

  variables {
    aliases = []
  }

  expect_failures = [var.aliases]
}
