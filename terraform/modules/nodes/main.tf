# Nodes of an EKS cluster for one event: managed by EKS, or with a warm pool where that is asked for.

locals {
  is_warm = var.warm > 0
  # AWS takes no schedule for what is past: in mid-event only the way back is left.
  is_ahead = var.event == null ? false : timecmp(var.event.opens, plantimestamp()) > 0
  # Graviton types have a g after the generation: c7g, c7gn, im4gn, g5g.
  is_arm = can(regex("^([a-z]+[0-9]+g|a1\\.)", var.instance_types[0]))
  # A self-managed group has no limit. Of n groups each gets floor((count + i) / n): that adds up to the count, and
  # keeps min <= desired <= max.
  count     = local.is_warm ? 1 : ceil(var.size.max / var.nodes_per_group)
  counts    = merge(var.size, { ahead = var.event == null ? 0 : var.event.nodes })
  names     = [for i in range(local.count) : i == 0 ? var.name : "${var.name}-${i + 1}"]
  shares    = [for i in range(local.count) : { for name, count in local.counts : name => floor((count + i) / local.count) }]
  groups    = local.is_warm ? aws_autoscaling_group.warm[*].name : [for one in aws_eks_node_group.managed : one.resources[0].autoscaling_groups[0].name]
  tags      = merge(var.tags, { Name = var.name })
  user_data = local.is_warm ? local.join : null
}

data "aws_subnet" "each" {
  for_each = var.subnet_ids
  id       = each.value
}

resource "aws_launch_template" "node" {
  name                   = var.name
  image_id               = one(data.aws_ssm_parameter.image[*].insecure_value)
  instance_type          = local.is_warm ? var.instance_types[0] : null
  update_default_version = true
  user_data              = local.user_data == null ? null : base64encode(local.user_data)
  vpc_security_group_ids = local.is_warm ? local.security_groups : null
  tags                   = local.tags

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      delete_on_termination = true
      encrypted             = true
      kms_key_id            = var.kms_key_arn
      volume_size           = var.disk_gib
      volume_type           = "gp3"
    }
  }

  dynamic "iam_instance_profile" {
    for_each = aws_iam_instance_profile.node

    content {
      arn = iam_instance_profile.value.arn
    }
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_put_response_hop_limit = 1 # pods have roles of their own; they do not take the node's
    http_tokens                 = "required"
  }

  monitoring {
    enabled = true
  }

  tag_specifications {
    resource_type = "instance"
    tags          = local.tags
  }

  tag_specifications {
    resource_type = "volume"
    tags          = local.tags
  }

  lifecycle {
    precondition {
      condition     = length(distinct([for subnet in data.aws_subnet.each : subnet.availability_zone])) >= var.zones
      error_message = "subnet_ids: the plan spreads over ${var.zones} availability zones; expected subnets in as many."
    }
  }
}

resource "aws_eks_node_group" "managed" {
  count           = local.is_warm ? 0 : local.count
  cluster_name    = var.cluster_name
  node_group_name = local.names[count.index]
  node_role_arn   = var.node_role_arn
  subnet_ids      = var.subnet_ids
  ami_type        = local.is_arm ? "AL2023_ARM_64_STANDARD" : "AL2023_x86_64_STANDARD"
  capacity_type   = var.capacity_type
  instance_types  = var.instance_types
  labels          = var.labels
  tags            = local.tags

  launch_template {
    id      = aws_launch_template.node.id
    version = aws_launch_template.node.latest_version
  }

  scaling_config {
    min_size     = local.shares[count.index].min
    desired_size = local.shares[count.index].desired
    max_size     = local.shares[count.index].max
  }

  update_config {
    max_unavailable = 1
  }

  lifecycle {
    ignore_changes = [scaling_config[0].desired_size] # the autoscaler and the schedule move it
  }
}

resource "aws_autoscaling_schedule" "before" {
  count                  = local.is_ahead ? local.count : 0
  scheduled_action_name  = "${local.names[count.index]}-before"
  autoscaling_group_name = local.groups[count.index]
  start_time             = var.event.opens
  min_size               = local.shares[count.index].ahead
  desired_capacity       = local.shares[count.index].ahead
  max_size               = local.shares[count.index].max
}

resource "aws_autoscaling_schedule" "after" {
  count                  = var.event == null ? 0 : local.count
  scheduled_action_name  = "${local.names[count.index]}-after"
  autoscaling_group_name = local.groups[count.index]
  start_time             = var.event.ends
  min_size               = local.shares[count.index].min
  desired_capacity       = local.shares[count.index].desired
  max_size               = local.shares[count.index].max

  lifecycle {
    precondition {
      condition     = timecmp(var.event.ends, plantimestamp()) > 0
      error_message = "event: ${var.event.ends} is past, and AWS takes no schedule for it. Advise again with another starts_at."
    }
  }
}

check "the_event_is_ahead" {
  assert {
    condition     = var.event == null || local.is_ahead
    error_message = "event.opens is past: no nodes are asked for ahead. Advise again with another starts_at, or raise size.desired."
  }
}

check "the_cluster_takes_so_many_groups" {
  assert {
    condition     = local.count <= 30
    error_message = "${var.size.max} nodes take ${local.count} managed node groups of ${var.nodes_per_group}, and a cluster has 30 by default (quota L-6D54EA21). Ask for more, or use Karpenter."
  }
}
