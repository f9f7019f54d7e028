# One region, as advised. Terraform reads surge.auto.tfvars.json by itself; `surgecast advise RUN --export terraform/live`
# writes it. What is your account's own stands in terraform.tfvars (docs/terraform.md). The roots of all regions are equal.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region = var.surge.provider_region
}

locals {
  # The region first, so that a long scenario does not cut it off.
  name = trimsuffix(substr("surgecast-${var.surge.region}-${var.surge.scenario}", 0, 48), "-")
}

module "nodes" {
  source   = "../../modules/nodes"
  for_each = var.surge.nodes == null || var.cluster == null ? {} : var.surge.nodes # one for each shape and way to pay

  name               = "${trimsuffix(substr(local.name, 0, 47 - length(each.key)), "-")}-${each.key}"
  cluster_name       = var.cluster.name
  node_role_arn      = var.cluster.node_role_arn
  subnet_ids         = var.cluster.subnet_ids
  security_group_ids = var.cluster.security_group_ids
  zones              = var.surge.zones
  instance_types     = each.value.instance_types
  capacity_type      = each.value.capacity_type
  size               = { min = each.value.min, desired = each.value.desired, max = each.value.max }
  nodes_per_group    = each.value.per_group
  warm               = each.value.warm
  event              = var.surge.event == null ? null : { nodes = each.value.ahead, opens = var.surge.event.opens, ends = var.surge.event.ends }
  tags               = var.surge.tags
}

module "load_generators" {
  source = "../../modules/load-generators"
  count  = var.surge.generators != null && var.load != null ? 1 : 0

  name             = "${substr(local.name, 0, 43)}-load"
  region_label     = var.surge.region
  machines         = var.surge.generators.machines
  instance_types   = var.surge.generators.instance_types
  ttl_minutes      = var.surge.generators.ttl_minutes
  on_demand        = var.load.on_demand
  vpc_id           = var.load.vpc_id
  subnet_ids       = var.load.subnet_ids
  public_addresses = var.load.public_addresses
  target           = var.load.target
  master           = var.load.master
  bundle           = var.load.bundle
  tags             = var.surge.tags
}

module "cdn" {
  source = "../../modules/cdn"
  count  = var.surge.cdn != null && var.delivery != null ? 1 : 0

  name            = local.name
  origin          = var.delivery.origin != null ? var.delivery.origin : var.surge.cdn.origin
  shield_region   = var.surge.cdn.shield_region
  playlist_ttl    = var.surge.cdn.playlist_ttl
  segment_ttl     = var.surge.cdn.segment_ttl
  playlist_query  = var.delivery.playlist_query
  certificate_arn = var.delivery.certificate_arn
  aliases         = var.delivery.aliases
  countries       = var.delivery.countries
  log_bucket      = var.delivery.log_bucket
  tags            = var.surge.tags
}
