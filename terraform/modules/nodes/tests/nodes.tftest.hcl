mock_provider "aws" {
  mock_resource "aws_eks_node_group" {
    defaults = {
      resources = [{ autoscaling_groups = [{ name = "eks-managed" }], remote_access_security_group_id = "" }]
    }
  }

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
  node_role_arn  = "arn:aws:iam::123456789012:role/nodes"
  subnet_ids     = ["subnet-0a", "subnet-0b", "subnet-0c"]
  zones          = 3
  instance_types = ["c7g.4xlarge"]
  size           = { min = 3, desired = 4, max = 20 }
  event          = { nodes = 16, opens = "2099-12-05T12:20:00Z", ends = "2099-12-05T13:20:00Z" }
}

run "managed_as_advised_with_a_way_up_and_back" {
  assert {
    condition     = output.is_managed && aws_eks_node_group.managed[0].ami_type == "AL2023_ARM_64_STANDARD"
    error_message = "EKS does not manage the group, or its image is of another processor."
  }

  assert {
    condition     = aws_eks_node_group.managed[0].scaling_config[0].min_size == 3 && aws_eks_node_group.managed[0].scaling_config[0].max_size == 20
    error_message = "The size is not as advised."
  }

  assert {
    condition     = aws_autoscaling_schedule.before[0].min_size == 16 && aws_autoscaling_schedule.before[0].desired_capacity == 16 && aws_autoscaling_schedule.before[0].start_time == "2099-12-05T12:20:00Z"
    error_message = "Nodes are not asked for ahead."
  }

  assert {
    condition     = aws_autoscaling_schedule.after[0].min_size == 3 && aws_autoscaling_schedule.after[0].desired_capacity == 4 && aws_autoscaling_schedule.after[0].start_time == "2099-12-05T13:20:00Z"
    error_message = "Nodes would stay after the event."
  }

  assert {
    condition     = aws_autoscaling_schedule.after[0].autoscaling_group_name == "eks-managed"
    error_message = "The schedule moves another group."
  }

  assert {
    condition     = aws_launch_template.node.metadata_options[0].http_tokens == "required" && one(aws_launch_template.node.block_device_mappings).ebs[0].encrypted == "true"
    error_message = "IMDSv1 or a plain disk."
  }
}

run "no_event_no_schedule" {
  command = plan

  variables {
    event = null
  }

  assert {
    condition     = length(aws_autoscaling_schedule.before) == 0 && length(aws_autoscaling_schedule.after) == 0
    error_message = "There is nothing to schedule."
  }
}

run "in_mid_event_only_the_way_back_is_left" {
  command = plan

  variables {
    event = { nodes = 16, opens = "2020-12-05T12:20:00Z", ends = "2099-12-05T13:20:00Z" }
  }

  expect_failures = [check.the_event_is_ahead]
}

run "an_event_that_is_over" {
  command = plan

  variables {
    event = { nodes = 16, opens = "2020-12-05T12:20:00Z", ends = "2020-12-05T13:20:00Z" }
  }

  expect_failures = [aws_autoscaling_schedule.after, check.the_event_is_ahead]
}

run "more_nodes_at_the_beginning_than_at_most" {
  command = plan

  variables {
    size = { min = 3, desired = 30, max = 20 }
  }

  expect_failures = [var.size]
}

run "a_minimum_above_what_is_desired" {
  command = plan

  variables {
    size = { min = 5, desired = 4, max = 20 }
  }

  expect_failures = [var.size]
}

run "more_nodes_than_kubernetes_carries" {
  command = plan

  variables {
    size = { min = 3, desired = 4, max = 5001 }
  }

  expect_failures = [var.size]
}

run "an_event_with_more_nodes_than_at_most" {
  command = plan

  variables {
    event = { nodes = 21, opens = "2099-12-05T12:20:00Z", ends = "2099-12-05T13:20:00Z" }
  }

  expect_failures = [var.event]
}

run "a_time_by_another_clock" {
  command = plan

  variables {
    event = { nodes = 16, opens = "2099-12-05T19:20:00+07:00", ends = "2099-12-05T13:20:00Z" }
  }

  expect_failures = [var.event]
}

run "a_day_that_no_calendar_has" {
  command = plan

  variables {
    event = { nodes = 16, opens = "2099-02-30T12:20:00Z", ends = "2099-12-05T13:20:00Z" }
  }

  expect_failures = [var.event]
}

run "an_end_before_the_beginning" {
  command = plan

  variables {
    event = { nodes = 16, opens = "2099-12-05T14:20:00Z", ends = "2099-12-05T13:20:00Z" }
  }

  expect_failures = [var.event]
}

run "subnets_in_too_few_zones" {
  command = plan

  variables {
    subnet_ids = ["subnet-0a"]
  }

  expect_failures = [aws_launch_template.node]
}

run "spot_instances_where_the_advice_has_them" {
  command = plan

  variables {
    capacity_type = "SPOT"
  }

  assert {
    condition     = aws_eks_node_group.managed[0].capacity_type == "SPOT"
    error_message = "Nodes would be paid for on demand."
  }
}

run "no_warm_pool_of_spot_instances" {
  command = plan

  variables {
    capacity_type = "SPOT"
    warm          = 2
  }

  expect_failures = [var.warm]
}

run "a_way_to_pay_that_eks_does_not_know" {
  command = plan

  variables {
    capacity_type = "spot"
  }

  expect_failures = [var.capacity_type]
}

run "more_nodes_than_a_group_holds_take_several" {
  command = plan

  variables {
    size  = { min = 3, desired = 4, max = 1000 }
    event = { nodes = 700, opens = "2099-12-05T12:20:00Z", ends = "2099-12-05T13:20:00Z" }
  }

  assert {
    condition     = [for one in aws_eks_node_group.managed : one.node_group_name] == ["surgecast-id-viral-goal", "surgecast-id-viral-goal-2", "surgecast-id-viral-goal-3"]
    error_message = "1,000 nodes do not fit three groups of 450."
  }

  assert {
    condition     = [for one in aws_eks_node_group.managed : one.scaling_config[0].max_size] == [333, 333, 334] && sum([for one in aws_eks_node_group.managed : one.scaling_config[0].min_size]) == 3 && aws_eks_node_group.managed[1].scaling_config[0].desired_size == 1 && aws_eks_node_group.managed[2].scaling_config[0].desired_size == 2
    error_message = "The groups together are not what was advised."
  }

  assert {
    condition     = [for one in aws_autoscaling_schedule.before : one.min_size] == [233, 233, 234] && [for one in aws_autoscaling_schedule.after : one.desired_capacity] == [1, 1, 2]
    error_message = "The schedules together do not ask for what was advised."
  }
}

run "a_warm_pool_is_one_group_however_large" {
  command = plan

  variables {
    size = { min = 3, desired = 4, max = 1000 }
    warm = 5
  }

  assert {
    condition     = length(aws_eks_node_group.managed) == 0 && aws_autoscaling_group.warm[0].max_size == 1000 && length(aws_autoscaling_schedule.before) == 1
    error_message = "A self-managed group has no such limit."
  }
}

run "groups_as_large_as_the_account_has_them" {
  command = plan

  variables {
    size            = { min = 3, desired = 4, max = 1000 }
    nodes_per_group = 1000
  }

  assert {
    condition     = length(aws_eks_node_group.managed) == 1
    error_message = "One group is enough."
  }
}

run "more_groups_than_a_cluster_has_by_default" {
  command = plan

  variables {
    size            = { min = 0, desired = 0, max = 310 }
    event           = null
    nodes_per_group = 10
  }

  expect_failures = [check.the_cluster_takes_so_many_groups]
}

run "a_group_of_nothing" {
  command = plan

  variables {
    nodes_per_group = 0
  }

  expect_failures = [var.nodes_per_group]
}
