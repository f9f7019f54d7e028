# Machines that drive viewers for one run: so many and no more, nothing comes in, and all of them end by themselves.

data "aws_region" "here" {}

data "aws_partition" "here" {}

data "aws_subnet" "each" {
  for_each = var.subnet_ids
  id       = each.value
}

data "aws_ssm_parameter" "image" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${local.processor}"
}

locals {
  # Graviton types have a g after the generation: c7g, c7gn, im4gn, g5g.
  processor = can(regex("^([a-z]+[0-9]+g|a1\\.)", var.instance_types[0])) ? "arm64" : "x86_64"
  tags      = merge(var.tags, { Name = var.name })
}

resource "aws_launch_template" "generator" {
  name                                 = var.name
  image_id                             = data.aws_ssm_parameter.image.insecure_value
  instance_initiated_shutdown_behavior = "terminate" # the machine's own end, whatever becomes of the group
  update_default_version               = true
  tags                                 = local.tags

  user_data = base64encode(templatefile("${path.module}/worker.sh.tftpl", {
    bundle      = var.bundle
    label       = var.region_label
    master      = var.master
    region      = data.aws_region.here.name
    ttl_minutes = var.ttl_minutes
  }))

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

  iam_instance_profile {
    arn = aws_iam_instance_profile.generator.arn
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_put_response_hop_limit = 1
    http_tokens                 = "required"
  }

  monitoring {
    enabled = true
  }

  network_interfaces {
    associate_public_ip_address = var.public_addresses
    delete_on_termination       = true
    security_groups             = [aws_security_group.generator.id]
  }

  tag_specifications {
    resource_type = "instance"
    tags          = local.tags
  }

  tag_specifications {
    resource_type = "volume"
    tags          = local.tags
  }
}

resource "aws_autoscaling_group" "generators" {
  name                = var.name
  min_size            = var.machines
  desired_capacity    = var.machines
  max_size            = var.machines
  vpc_zone_identifier = var.subnet_ids
  force_delete        = true
  # The master waits for its workers; Terraform does not.
  wait_for_capacity_timeout = "0"
  # A run is never rebalanced, and a machine that ended itself stays away.
  suspended_processes = ["AZRebalance", "ReplaceUnhealthy"]

  mixed_instances_policy {
    instances_distribution {
      on_demand_base_capacity                  = 0
      on_demand_percentage_above_base_capacity = var.on_demand ? 100 : 0
      spot_allocation_strategy                 = "price-capacity-optimized"
    }

    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.generator.id
        version            = aws_launch_template.generator.latest_version
      }

      dynamic "override" {
        for_each = var.instance_types

        content {
          instance_type = override.value
        }
      }
    }
  }

  dynamic "tag" {
    for_each = local.tags

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = false # the launch template tags machines and disks
    }
  }

  lifecycle {
    precondition {
      condition     = length(distinct([for subnet in data.aws_subnet.each : subnet.availability_zone])) >= var.zones
      error_message = "subnet_ids: expected subnets in ${var.zones} availability zones at least."
    }
  }
}

# The group's end: without it a machine that ended itself, or was taken away, would be replaced for ever.
resource "aws_autoscaling_schedule" "end" {
  scheduled_action_name  = "${var.name}-end"
  autoscaling_group_name = aws_autoscaling_group.generators.name
  start_time             = timeadd(timestamp(), "${var.ttl_minutes}m")
  min_size               = 0
  desired_capacity       = 0
  max_size               = 0

  lifecycle {
    # Planning again does not prolong anything: only a group that has gone to zero gets a new end.
    ignore_changes = [start_time]
  }
}
