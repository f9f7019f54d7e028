variable "surge" {
  description = "What the advice comes to for this region. A part that is null could not be advised, or is not needed; why and reasons say what for."
  nullable    = false

  type = object({
    scenario        = string
    region          = string
    provider_region = string
    zones           = number
    nodes = map(object({
      capacity_type  = string
      min            = number
      desired        = number
      max            = number
      ahead          = number
      warm           = number
      per_group      = optional(number, 450)
      instance_types = list(string)
    }))
    event = object({
      opens = string
      ends  = string
    })
    generators = object({
      machines       = number
      ttl_minutes    = number
      instance_types = list(string)
    })
    cdn = object({
      origin        = string
      shield_region = string
      playlist_ttl  = number
      segment_ttl   = number
      must_carry = optional(object({
        gbps                = number
        requests_per_second = number
      }))
    })
    tags = map(string)
  })

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.surge.provider_region))
    error_message = "surge.provider_region: expected an AWS region such as ap-southeast-3, found \"${var.surge.provider_region}\"."
  }

  validation {
    condition     = can(regex("^[a-z0-9][-a-z0-9]{0,15}$", var.surge.region)) && can(regex("^[a-z0-9][-a-z0-9]*$", var.surge.scenario))
    error_message = "surge: expected a region and a scenario of small letters, digits and dashes, found \"${var.surge.region}\" and \"${var.surge.scenario}\"."
  }

  validation {
    condition     = var.surge.nodes == null ? true : alltrue([for key in keys(var.surge.nodes) : can(regex("^[a-z0-9][-a-z0-9]{0,31}$", key))])
    error_message = "surge.nodes: expected groups named by 1 to 32 small letters, digits and dashes, found ${jsonencode(var.surge.nodes)}."
  }

  validation {
    condition     = length(var.surge.tags) <= 40 && alltrue([for key, value in var.surge.tags : can(regex("^[\\w.:/=+@-]{1,128}$", key)) && can(regex("^[\\w .:/=+@-]{0,256}$", value))])
    error_message = "surge.tags: expected up to 40 tags as AWS takes them."
  }
}

variable "why" {
  description = "For each value of surge the id of its reason."
  type        = map(string)
  nullable    = false

  validation {
    condition     = alltrue([for id in values(var.why) : contains(keys(var.reasons), id)])
    error_message = "why: ${join(", ", [for id in values(var.why) : id if !contains(keys(var.reasons), id)])}: no such reason. The file was changed by hand: advise again."
  }
}

variable "reasons" {
  description = "The reasons, in English and Chinese."
  type        = map(object({ en = string, zh = string }))
  nullable    = false
}

variable "cluster" {
  description = "The EKS cluster that gets the nodes; null for none."
  default     = null

  type = object({
    name               = string
    node_role_arn      = string
    subnet_ids         = set(string)
    security_group_ids = optional(set(string), [])
  })
}

variable "load" {
  description = "Where load generators stand, what they may reach, and what they install; null for none."
  default     = null

  type = object({
    vpc_id           = string
    subnet_ids       = set(string)
    public_addresses = optional(bool, false)
    on_demand        = optional(bool, false)
    target           = object({ cidrs = set(string), ports = optional(set(number), [443]) })
    master           = object({ host = string, cidrs = set(string), port = optional(number, 5557) })
    bundle           = object({ bucket = string, key = string, sha256 = string })
  })
}

variable "delivery" {
  description = "What viewers call; null for no distribution."
  default     = null

  type = object({
    certificate_arn = string
    aliases         = list(string)
    origin          = optional(string)
    countries       = optional(set(string), [])
    playlist_query  = optional(set(string), [])
    log_bucket      = optional(string)
  })
}
