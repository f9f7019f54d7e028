variable "name" {
  description = "Of the group and of what belongs to it."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([-a-z0-9]{0,46}[a-z0-9])?$", var.name))
    error_message = "name: expected up to 48 small letters, digits and dashes, found \"${var.name}\"."
  }
}

variable "region_label" {
  description = "Region of the scenario whose viewers these machines drive."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][-a-z0-9_]{0,31}$", var.region_label))
    error_message = "region_label: expected a region of the scenario such as id, found \"${var.region_label}\"."
  }
}

variable "machines" {
  description = "Exactly so many; 0 takes them away."
  type        = number

  validation {
    condition     = var.machines >= 0 && var.machines <= 500 && floor(var.machines) == var.machines
    error_message = "machines: expected a whole number from 0 to 500, found ${var.machines}."
  }
}

variable "instance_types" {
  description = "Types of the same size and processor; spot takes the one that is least likely to be taken away."
  type        = list(string)

  validation {
    condition     = length(var.instance_types) >= 1 && length(var.instance_types) <= 40 && alltrue([for type in var.instance_types : can(regex("^[a-z0-9-]+\\.[a-z0-9-]+$", type))])
    error_message = "instance_types: expected 1 to 40 types such as c7g.4xlarge, found ${jsonencode(var.instance_types)}."
  }

  validation {
    condition     = length(distinct([for type in var.instance_types : can(regex("^([a-z]+[0-9]+g|a1\\.)", type))])) <= 1
    error_message = "instance_types: one image cannot serve Arm and x86 types together: ${jsonencode(var.instance_types)}."
  }
}

variable "ttl_minutes" {
  description = "After so many minutes each machine ends itself, and the group is set to zero. Nothing prolongs it."
  type        = number

  validation {
    condition     = var.ttl_minutes >= 15 && var.ttl_minutes <= 1440 && floor(var.ttl_minutes) == var.ttl_minutes
    error_message = "ttl_minutes: expected whole minutes from 15 to 1,440 (a day), found ${var.ttl_minutes}."
  }
}

variable "on_demand" {
  description = "Whether the machines are on-demand: dearer, and never taken away in mid-run."
  type        = bool
  default     = false
}

variable "vpc_id" {
  description = "The VPC of the subnets. It needs a gateway endpoint for S3: bundle and packages come that way."
  type        = string

  validation {
    condition     = can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "vpc_id: expected vpc-…, found \"${var.vpc_id}\"."
  }
}

variable "subnet_ids" {
  description = "Where machines are started, one subnet for each zone."
  type        = set(string)

  validation {
    condition     = length(var.subnet_ids) >= 1 && alltrue([for id in var.subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "subnet_ids: expected one subnet-… at least, found ${jsonencode(var.subnet_ids)}."
  }
}

variable "zones" {
  description = "Availability zones that the subnets must be in, at least."
  type        = number
  default     = 1

  validation {
    condition     = var.zones >= 1 && var.zones <= 6 && floor(var.zones) == var.zones
    error_message = "zones: expected 1 to 6, found ${var.zones}."
  }
}

variable "public_addresses" {
  description = "Whether machines have public addresses; nothing may come in either way. Without, a NAT gateway carries and bills the load."
  type        = bool
  default     = false
}

variable "target" {
  description = "What may be loaded: networks, and the TCP ports on them. Nothing else is reached but the master and S3."
  type = object({
    cidrs = set(string)
    ports = optional(set(number), [443])
  })

  validation {
    condition     = length(var.target.cidrs) >= 1 && alltrue([for cidr in var.target.cidrs : can(cidrhost(cidr, 0)) && try(tonumber(split("/", cidr)[1]) >= 8, false)])
    error_message = "target.cidrs: expected networks of /8 or smaller, found ${jsonencode(var.target.cidrs)}: load never goes to everywhere."
  }

  validation {
    condition     = length(var.target.ports) >= 1 && alltrue([for port in var.target.ports : port >= 1 && port <= 65535])
    error_message = "target.ports: expected ports from 1 to 65535, found ${jsonencode(var.target.ports)}."
  }
}

variable "master" {
  description = "Locust's master: the name or address that workers dial, its networks, its port."
  type = object({
    host  = string
    cidrs = set(string)
    port  = optional(number, 5557)
  })

  validation {
    condition     = can(regex("^[A-Za-z0-9]([-A-Za-z0-9.]{0,251}[A-Za-z0-9])?$", var.master.host))
    error_message = "master.host: expected a host name or an IPv4 address, found \"${var.master.host}\"."
  }

  validation {
    condition     = length(var.master.cidrs) >= 1 && alltrue([for cidr in var.master.cidrs : can(cidrhost(cidr, 0)) && try(tonumber(split("/", cidr)[1]) >= 16, false)])
    error_message = "master.cidrs: expected networks of /16 or smaller, found ${jsonencode(var.master.cidrs)}."
  }

  validation {
    condition     = var.master.port >= 1024 && var.master.port <= 65535
    error_message = "master.port: expected 1024 to 65535, found ${var.master.port}."
  }
}

variable "bundle" {
  description = "This repository with a wheelhouse, as a .tar.gz in S3, and its SHA-256 (docs/terraform.md)."
  type = object({
    bucket = string
    key    = string
    sha256 = string
  })

  validation {
    condition     = can(regex("^[a-z0-9][-a-z0-9.]{1,61}[a-z0-9]$", var.bundle.bucket)) && can(regex("^[A-Za-z0-9][-A-Za-z0-9._/]{0,511}$", var.bundle.key))
    error_message = "bundle: expected a bucket and a key of letters, digits and ._-/, found s3://${var.bundle.bucket}/${var.bundle.key}."
  }

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.bundle.sha256))
    error_message = "bundle.sha256: expected 64 hexadecimal digits, found \"${var.bundle.sha256}\"."
  }
}

variable "disk_gib" {
  description = "GiB of the encrypted disk."
  type        = number
  default     = 20

  validation {
    condition     = var.disk_gib >= 10 && var.disk_gib <= 200
    error_message = "disk_gib: expected 10 to 200, found ${var.disk_gib}."
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
