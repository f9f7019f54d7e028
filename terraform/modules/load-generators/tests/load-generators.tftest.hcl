mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = {
      json = "{}"
    }
  }

  mock_data "aws_region" {
    defaults = {
      name = "ap-southeast-3"
    }
  }

  mock_data "aws_partition" {
    defaults = {
      partition = "aws"
    }
  }

  mock_resource "aws_iam_instance_profile" {
    defaults = {
      arn = "arn:aws:iam::123456789012:instance-profile/load"
    }
  }

  mock_resource "aws_launch_template" {
    defaults = {
      id             = "lt-0123456789abcdef0"
      latest_version = 1
    }
  }
}

variables {
  name           = "surgecast-id-viral-goal-load"
  region_label   = "id"
  machines       = 7
  instance_types = ["c7g.4xlarge", "c8g.4xlarge"]
  ttl_minutes    = 47
  vpc_id         = "vpc-0123"
  subnet_ids     = ["subnet-0a", "subnet-0b"]
  target         = { cidrs = ["203.0.113.0/24", "2001:db8::/32"], ports = [80, 443] }
  master         = { host = "master.example.com", cidrs = ["10.20.0.5/32"] }
  bundle         = { bucket = "surgecast-bundles", key = "v1/surgecast.tar.gz", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }
  tags           = { surgecast-run = "synthetic-3" }
}

run "exactly_as_many_as_planned_on_spot" {
  assert {
    condition     = aws_autoscaling_group.generators.min_size == 7 && aws_autoscaling_group.generators.max_size == 7 && aws_autoscaling_group.generators.desired_capacity == 7
    error_message = "The count is not exact."
  }

  assert {
    condition     = aws_autoscaling_group.generators.mixed_instances_policy[0].instances_distribution[0].on_demand_percentage_above_base_capacity == 0
    error_message = "These are not spot machines."
  }

  assert {
    condition     = data.aws_ssm_parameter.image.name == "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
    error_message = "Graviton types get an image of another processor."
  }
}

run "all_of_it_ends_by_itself" {
  assert {
    condition     = aws_launch_template.generator.instance_initiated_shutdown_behavior == "terminate"
    error_message = "A machine that shuts down would go on costing."
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.generator.user_data), "shutdown -h +47")
    error_message = "Machines do not end themselves."
  }

  assert {
    condition     = aws_autoscaling_schedule.end.max_size == 0 && aws_autoscaling_schedule.end.min_size == 0 && aws_autoscaling_schedule.end.desired_capacity == 0
    error_message = "The group would start new machines."
  }

  assert {
    condition     = timecmp(output.ends_at, timeadd(plantimestamp(), "50m")) < 0
    error_message = "The end is too late."
  }
}

run "only_target_master_and_s3_are_reached" {
  assert {
    condition     = length(aws_vpc_security_group_egress_rule.target) == 4 && length(aws_vpc_security_group_egress_rule.master) == 1
    error_message = "Ways out are more or fewer than asked for."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.target["2001:db8::/32 80"].cidr_ipv6 == "2001:db8::/32" && aws_vpc_security_group_egress_rule.target["203.0.113.0/24 443"].cidr_ipv4 == "203.0.113.0/24"
    error_message = "A network is of the wrong family."
  }

  assert {
    condition     = aws_launch_template.generator.metadata_options[0].http_tokens == "required" && one(aws_launch_template.generator.block_device_mappings).ebs[0].encrypted == "true"
    error_message = "IMDSv1 or a plain disk."
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.generator.user_data), "--master-host master.example.com --master-port 5557 --processes -1 --region-label id")
    error_message = "Workers do not join the master as those of the region."
  }
}

run "on_demand_when_asked_for" {
  command = plan

  variables {
    on_demand      = true
    instance_types = ["c6i.4xlarge"]
  }

  assert {
    condition     = aws_autoscaling_group.generators.mixed_instances_policy[0].instances_distribution[0].on_demand_percentage_above_base_capacity == 100 && data.aws_ssm_parameter.image.name == "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    error_message = "Not on-demand, or of another processor."
  }
}

run "too_many_machines" {
  command = plan

  variables {
    machines = 501
  }

  expect_failures = [var.machines]
}

run "half_a_machine" {
  command = plan

  variables {
    machines = 1.5
  }

  expect_failures = [var.machines]
}

run "machines_that_live_for_days" {
  command = plan

  variables {
    ttl_minutes = 1441
  }

  expect_failures = [var.ttl_minutes]
}

run "two_processors_from_one_image" {
  command = plan

  variables {
    instance_types = ["c7g.4xlarge", "c7i.4xlarge"]
  }

  expect_failures = [var.instance_types]
}

run "load_to_everywhere" {
  command = plan

  variables {
    target = { cidrs = ["0.0.0.0/0"] }
  }

  expect_failures = [var.target]
}

run "load_to_everywhere_in_the_newer_way" {
  command = plan

  variables {
    target = { cidrs = ["::/0"] }
  }

  expect_failures = [var.target]
}

run "a_command_for_a_master" {
  command = plan

  variables {
    master = { host = "x; rm -rf /", cidrs = ["10.20.0.5/32"] }
  }

  expect_failures = [var.master]
}

run "a_command_for_a_bundle" {
  command = plan

  variables {
    bundle = { bucket = "surgecast-bundles", key = "$(reboot)", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }
  }

  expect_failures = [var.bundle]
}

run "a_bundle_of_any_content" {
  command = plan

  variables {
    bundle = { bucket = "surgecast-bundles", key = "v1/surgecast.tar.gz", sha256 = "latest" }
  }

  expect_failures = [var.bundle]
}

run "subnets_in_too_few_zones" {
  command = plan

  variables {
    zones = 3
  }

  expect_failures = [aws_autoscaling_group.generators]
}
