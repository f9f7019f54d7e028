mock_provider "aws" {
  mock_resource "aws_launch_template" {
    defaults = {
      id             = "lt-0123456789abcdef0"
      latest_version = 1
    }
  }

  mock_resource "aws_iam_instance_profile" {
    defaults = {
      arn = "arn:aws:iam::123456789012:instance-profile/nodes"
    }
  }

  mock_data "aws_eks_cluster" {
    defaults = {
      version                   = "1.34"
      endpoint                  = "https://example.eks.amazonaws.com"
      certificate_authority     = [{ data = "Q0E=" }]
      kubernetes_network_config = [{ service_ipv4_cidr = "172.20.0.0/16" }]
      vpc_config                = [{ cluster_security_group_id = "sg-0123" }]
    }
  }
}

variables {
  name           = "surgecast-id-viral-goal"
  cluster_name   = "live"
  node_role_arn  = "arn:aws:iam::123456789012:role/path/nodes"
  subnet_ids     = ["subnet-0a", "subnet-0b", "subnet-0c"]
  zones          = 3
  instance_types = ["c7g.4xlarge"]
  size           = { min = 3, desired = 4, max = 20 }
  event          = { nodes = 16, opens = "2099-12-05T12:20:00Z", ends = "2099-12-05T13:20:00Z" }
  warm           = 5
}

run "a_warm_pool_of_so_many_stopped_nodes" {
  assert {
    condition     = !output.is_managed && length(aws_eks_node_group.managed) == 0
    error_message = "This provider has no warm pools for managed groups."
  }

  assert {
    condition     = aws_autoscaling_group.warm[0].warm_pool[0].min_size == 5 && aws_autoscaling_group.warm[0].warm_pool[0].max_group_prepared_capacity == 9 && aws_autoscaling_group.warm[0].warm_pool[0].pool_state == "Stopped"
    error_message = "The pool is not of the size that was asked for."
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.node.user_data), "apiServerEndpoint: https://example.eks.amazonaws.com") && strcontains(base64decode(aws_launch_template.node.user_data), "Warmed:")
    error_message = "Nodes do not join, or join while they are being warmed."
  }

  assert {
    condition     = aws_iam_instance_profile.node[0].role == "nodes"
    error_message = "A role's name has no path."
  }

  assert {
    condition     = aws_autoscaling_schedule.before[0].autoscaling_group_name == "surgecast-id-viral-goal"
    error_message = "The schedule moves another group."
  }
}
