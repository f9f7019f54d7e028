# A self-managed group with a warm pool: its stopped nodes have booted once, and join when they are started in earnest.

data "aws_eks_cluster" "here" {
  count = local.is_warm ? 1 : 0
  name  = var.cluster_name
}

data "aws_ssm_parameter" "image" {
  count = local.is_warm ? 1 : 0
  name  = "/aws/service/eks/optimized-ami/${data.aws_eks_cluster.here[0].version}/amazon-linux-2023/${local.is_arm ? "arm64" : "x86_64"}/standard/recommended/image_id"
}

locals {
  cluster         = one(data.aws_eks_cluster.here)
  security_groups = local.is_warm ? setunion(var.security_group_ids, [local.cluster.vpc_config[0].cluster_security_group_id]) : []
  join = local.is_warm ? templatefile("${path.module}/join.mime.tftpl", {
    authority = local.cluster.certificate_authority[0].data
    cidr      = local.cluster.kubernetes_network_config[0].service_ipv4_cidr
    endpoint  = local.cluster.endpoint
    labels    = join(",", [for key, value in var.labels : "${key}=${value}"])
    name      = var.cluster_name
  }) : null
}

resource "aws_iam_instance_profile" "node" {
  count = local.is_warm ? 1 : 0
  name  = var.name
  role  = element(split("/", var.node_role_arn), -1)
  tags  = local.tags
}

resource "aws_eks_access_entry" "node" {
  count         = local.is_warm ? 1 : 0
  cluster_name  = var.cluster_name
  principal_arn = var.node_role_arn
  type          = "EC2_LINUX"
  tags          = local.tags
}

resource "aws_autoscaling_group" "warm" {
  count                     = local.is_warm ? 1 : 0
  name                      = var.name
  min_size                  = var.size.min
  desired_capacity          = var.size.desired
  max_size                  = var.size.max
  vpc_zone_identifier       = var.subnet_ids
  force_delete              = true
  force_delete_warm_pool    = true
  wait_for_capacity_timeout = "0"

  launch_template {
    id      = aws_launch_template.node.id
    version = aws_launch_template.node.latest_version
  }

  warm_pool {
    pool_state                  = "Stopped"
    min_size                    = var.warm
    max_group_prepared_capacity = var.size.desired + var.warm # in service and warm together: so that so many are warm, and no more

    instance_reuse_policy {
      reuse_on_scale_in = false # a node that was drained is not trusted again
    }
  }

  dynamic "tag" {
    for_each = merge(local.tags, { "kubernetes.io/cluster/${var.cluster_name}" = "owned" })

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }

  lifecycle {
    ignore_changes = [desired_capacity] # the autoscaler and the schedule move it
  }

  depends_on = [aws_eks_access_entry.node]
}
