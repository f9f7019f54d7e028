# What machines may reach and read. There is no rule for what comes in, so nothing does.

data "aws_ec2_managed_prefix_list" "s3" {
  name = "com.amazonaws.${data.aws_region.here.name}.s3"
}

locals {
  to_target = { for pair in setproduct(var.target.cidrs, var.target.ports) : "${pair[0]} ${pair[1]}" => { cidr = pair[0], port = pair[1] } }
}

resource "aws_security_group" "generator" {
  name        = var.name
  description = "Load generators: out to the target, the master and S3; nothing in"
  vpc_id      = var.vpc_id
  tags        = local.tags
}

resource "aws_vpc_security_group_egress_rule" "target" {
  for_each          = local.to_target
  security_group_id = aws_security_group.generator.id
  description       = "The target under test"
  ip_protocol       = "tcp"
  cidr_ipv4         = strcontains(each.value.cidr, ":") ? null : each.value.cidr
  cidr_ipv6         = strcontains(each.value.cidr, ":") ? each.value.cidr : null
  from_port         = each.value.port
  to_port           = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "master" {
  for_each          = var.master.cidrs
  security_group_id = aws_security_group.generator.id
  description       = "Locust's master"
  ip_protocol       = "tcp"
  cidr_ipv4         = strcontains(each.value, ":") ? null : each.value
  cidr_ipv6         = strcontains(each.value, ":") ? each.value : null
  from_port         = var.master.port
  to_port           = var.master.port
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  security_group_id = aws_security_group.generator.id
  description       = "The bundle, and Amazon Linux packages, by way of the gateway endpoint"
  ip_protocol       = "tcp"
  prefix_list_id    = data.aws_ec2_managed_prefix_list.s3.id
  from_port         = 443
  to_port           = 443
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "bundle" {
  statement {
    sid       = "ReadTheBundle"
    actions   = ["s3:GetObject"]
    resources = ["arn:${data.aws_partition.here.partition}:s3:::${var.bundle.bucket}/${var.bundle.key}"]
  }
}

resource "aws_iam_role" "generator" {
  name               = "${var.name}-${data.aws_region.here.name}" # roles are the same in all regions
  assume_role_policy = data.aws_iam_policy_document.assume.json
  tags               = local.tags
}

resource "aws_iam_role_policy" "bundle" {
  name   = "bundle"
  role   = aws_iam_role.generator.id
  policy = data.aws_iam_policy_document.bundle.json
}

resource "aws_iam_instance_profile" "generator" {
  name = aws_iam_role.generator.name
  role = aws_iam_role.generator.name
  tags = local.tags
}
