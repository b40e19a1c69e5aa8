variable "name" {
  description = "What the network is named after, and the cluster that its subnets are for."
  type        = string
}

variable "cidr" {
  description = "Addresses of the network."
  type        = string
}

variable "subnets" {
  description = "For each zone its private and its public range, within cidr."
  type        = map(object({ private = string, public = string }))

  validation {
    condition     = length(var.subnets) == 3
    error_message = "subnets must be in three zones, or not every part has a place when one zone fails."
  }
}

variable "nat_zone_of" {
  description = "For each zone, the zone of the NAT gateway that its private subnet goes out by."
  type        = map(string)

  validation {
    condition = keys(var.nat_zone_of) == keys(var.subnets) && alltrue([
      for zone in values(var.nat_zone_of) : contains(keys(var.subnets), zone)
    ])
    error_message = "nat_zone_of must name one of the zones of subnets for each of them."
  }
}

variable "region" {
  description = "The AWS region: the endpoint of S3 is named after it."
  type        = string
}

variable "log_group_name" {
  description = "Where the record of connections goes."
  type        = string
}

variable "log_retention_days" {
  description = "How long that record is kept, in days: one of the spans that CloudWatch knows."
  type        = number

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "log_retention_days must be a span that CloudWatch knows, such as 7, 14, 30, 90 or 365."
  }
}

variable "log_key_arn" {
  description = "The KMS key of that record."
  type        = string
}
