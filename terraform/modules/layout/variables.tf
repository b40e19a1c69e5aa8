variable "name" {
  description = "What everything is named after. It is part of a bucket's name, which is 63 characters at most."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name)) && !strcontains(var.name, "--")
    error_message = "name must be 3 to 24 of a-z, 0-9 and single hyphens, begin with a letter, end with none."
  }
}

variable "size" {
  description = "small, medium or large: how many machines of which kind. See sizes.yaml."
  type        = string

  validation {
    condition     = contains(["small", "medium", "large"], var.size)
    error_message = "size must be small, medium or large: choose one (docs/terraform.md says what each costs)."
  }
}

variable "cidr" {
  description = "Addresses of the network, as 10.40.0.0/16. Each pod takes one."
  type        = string

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(cidrhost(var.cidr, 0) == split("/", var.cidr)[0], false)
    error_message = "cidr must be an IPv4 range that begins at its first address: write it as 10.40.0.0/16."
  }

  validation {
    condition     = try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 20, false)
    error_message = "cidr must be between /16 and /20: AWS allows no larger one, and a smaller one runs out of pods."
  }

  validation {
    condition     = can(regex("^(10\\.|192\\.168\\.)", var.cidr))
    error_message = "cidr must lie in 10.0.0.0/8 or 192.168.0.0/16: services inside the cluster have 172.20.0.0/16."
  }
}

variable "zones" {
  description = "The three availability zones. One Kafka broker and one Cassandra node run in each."
  type        = list(string)

  validation {
    condition     = length(var.zones) == 3 && length(distinct(var.zones)) == 3
    error_message = "zones must be three different ones: with three copies over three zones any one may fail."
  }
}

variable "account_id" {
  description = "The AWS account. It makes the bucket's name unique."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be the 12 digits of an AWS account: `aws sts get-caller-identity` tells yours."
  }
}
