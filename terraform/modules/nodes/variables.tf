variable "name" {
  description = "Of the node group."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([-a-z0-9]{0,46}[a-z0-9])?$", var.name))
    error_message = "name: expected up to 48 small letters, digits and dashes, found \"${var.name}\"."
  }
}

variable "cluster_name" {
  description = "An EKS cluster that is there."
  type        = string

  validation {
    condition     = can(regex("^[0-9A-Za-z][-_0-9A-Za-z]{0,99}$", var.cluster_name))
    error_message = "cluster_name: expected the name of an EKS cluster, found \"${var.cluster_name}\"."
  }
}

variable "node_role_arn" {
  description = "The role that nodes have."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[-a-z]*:iam::[0-9]{12}:role/.+$", var.node_role_arn))
    error_message = "node_role_arn: expected the ARN of an IAM role, found \"${var.node_role_arn}\"."
  }
}

variable "subnet_ids" {
  description = "Where nodes are started, one subnet for each zone."
  type        = set(string)

  validation {
    condition     = length(var.subnet_ids) >= 1 && alltrue([for id in var.subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "subnet_ids: expected one subnet-… at least, found ${jsonencode(var.subnet_ids)}."
  }
}

variable "zones" {
  description = "Availability zones that the plan spreads over, so that one may be lost."
  type        = number

  validation {
    condition     = var.zones >= 1 && var.zones <= 6 && floor(var.zones) == var.zones
    error_message = "zones: expected 1 to 6, found ${var.zones}."
  }
}

variable "instance_types" {
  description = "As advised: the counts are of this type."
  type        = list(string)

  validation {
    condition     = length(var.instance_types) >= 1 && length(var.instance_types) <= 20 && alltrue([for type in var.instance_types : can(regex("^[a-z0-9-]+\\.[a-z0-9-]+$", type))])
    error_message = "instance_types: expected 1 to 20 types such as c7g.4xlarge, found ${jsonencode(var.instance_types)}."
  }

  validation {
    condition     = length(distinct([for type in var.instance_types : can(regex("^([a-z]+[0-9]+g|a1\\.)", type))])) <= 1
    error_message = "instance_types: one image cannot serve Arm and x86 types together: ${jsonencode(var.instance_types)}."
  }
}

variable "capacity_type" {
  description = "How the nodes are paid for: ON_DEMAND, or SPOT for those that may be taken back."
  type        = string
  default     = "ON_DEMAND"

  validation {
    condition     = contains(["ON_DEMAND", "SPOT"], var.capacity_type)
    error_message = "capacity_type: expected ON_DEMAND or SPOT, found \"${var.capacity_type}\"."
  }
}

variable "size" {
  description = "Nodes in the calm (min), to begin with (desired), and never more than max."
  type = object({
    min     = number
    desired = number
    max     = number
  })

  validation {
    condition     = alltrue([for count in [var.size.min, var.size.desired, var.size.max] : count >= 0 && count <= 5000 && floor(count) == count])
    error_message = "size: expected whole numbers from 0 to 5,000 (Kubernetes carries no more nodes), found ${jsonencode(var.size)}."
  }

  validation {
    condition     = var.size.min <= var.size.desired && var.size.desired <= var.size.max && var.size.max >= 1
    error_message = "size: expected min <= desired <= max and 1 at least, found ${jsonencode(var.size)}."
  }
}

variable "nodes_per_group" {
  description = "Nodes that one managed node group of EKS may have (quota L-BD136A63); more nodes take more groups, as even as they can be."
  type        = number
  default     = 450

  validation {
    condition     = var.nodes_per_group >= 1 && floor(var.nodes_per_group) == var.nodes_per_group
    error_message = "nodes_per_group: expected a whole number from 1, found ${var.nodes_per_group}."
  }
}

variable "event" {
  description = "When so many nodes must be asked for, and when they may go; null without an event. Times in UTC."
  type = object({
    nodes = number
    opens = string
    ends  = string
  })
  default = null

  validation {
    condition     = var.event == null ? true : alltrue([for time in [var.event.opens, var.event.ends] : can(regex("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:00Z$", time)) && can(timeadd(time, "0s"))])
    error_message = "event: expected times such as 2026-12-05T12:20:00Z, in UTC and on the minute, found ${jsonencode(var.event)}."
  }

  validation {
    condition     = var.event == null ? true : try(timecmp(var.event.opens, var.event.ends) < 0, true)
    error_message = "event: expected opens before ends, found ${jsonencode(var.event)}."
  }

  validation {
    condition     = var.event == null ? true : var.event.nodes >= var.size.min && var.event.nodes <= var.size.max && floor(var.event.nodes) == var.event.nodes
    error_message = "event.nodes: expected a whole number from size.min to size.max, found ${jsonencode(var.event)} for ${jsonencode(var.size)}."
  }
}

variable "warm" {
  description = "Stopped nodes of a warm pool. With any, the group is self-managed: this provider has no warm pools for managed ones."
  type        = number
  default     = 0

  validation {
    condition     = var.warm >= 0 && var.warm <= 1000 && floor(var.warm) == var.warm
    error_message = "warm: expected a whole number from 0 to 1,000, found ${var.warm}."
  }

  validation {
    condition     = var.warm == 0 || var.capacity_type == "ON_DEMAND"
    error_message = "warm: AWS keeps no warm pool of spot instances; expected 0 with capacity_type SPOT, found ${var.warm}."
  }
}

variable "security_group_ids" {
  description = "Of self-managed nodes beside the cluster's own; managed ones have that."
  type        = set(string)
  default     = []
}

variable "labels" {
  description = "Labels of the nodes in Kubernetes."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[A-Za-z0-9][-A-Za-z0-9._/]{0,252}$", key)) && can(regex("^([A-Za-z0-9]([-A-Za-z0-9._]{0,61}[A-Za-z0-9])?)?$", value))])
    error_message = "labels: expected labels as Kubernetes takes them, found ${jsonencode(var.labels)}."
  }
}

variable "disk_gib" {
  description = "GiB of the encrypted disk."
  type        = number
  default     = 50

  validation {
    condition     = var.disk_gib >= 20 && var.disk_gib <= 1000
    error_message = "disk_gib: expected 20 to 1,000, found ${var.disk_gib}."
  }
}

variable "kms_key_arn" {
  description = "Key of the disks; null for the account's own."
  type        = string
  default     = null
}

variable "tags" {
  description = "Put on everything, machines and disks included."
  type        = map(string)
  default     = {}
}
