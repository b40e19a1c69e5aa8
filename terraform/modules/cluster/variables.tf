variable "name" {
  description = "Name of the cluster."
  type        = string
}

variable "kubernetes_version" {
  description = "Version of Kubernetes, as 1.35."
  type        = string

  validation {
    condition     = can(regex("^1\\.(3[2-9]|[4-9][0-9])$", var.kubernetes_version))
    error_message = "kubernetes_version must be 1.32 or newer: `aws eks describe-cluster-versions` lists them."
  }
}

variable "partition" {
  description = "The part of AWS: aws, aws-cn or aws-us-gov."
  type        = string
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "subnet_ids" {
  description = "For each zone its private subnet."
  type        = map(string)
}

variable "node_groups" {
  description = "Groups of nodes, as the layout has them."
  type = map(object({
    role          = string
    zones         = list(string)
    instance_type = string
    count         = number
    disk_gib      = number
    labels        = map(string)
    taints        = map(string)
  }))

  validation {
    condition     = alltrue([for group in var.node_groups : length(group.zones) == 1 || group.role != "stateful"])
    error_message = "A stateful node group must be in one zone: its disks cannot follow it to another. Make one a zone."
  }

  validation {
    condition     = anytrue([for group in var.node_groups : length(group.taints) == 0])
    error_message = "One node group must have no taint: the cluster's own pods have to run somewhere."
  }

  validation {
    condition     = alltrue([for group in var.node_groups : group.count >= 1 && group.disk_gib >= 20])
    error_message = "A node group must have a node, and 20 GiB or more for system and images: raise count or disk_gib."
  }
}

variable "node_flows" {
  description = "What may go from node to node."
  type        = map(object({ protocol = string, port = number, what = string }))

  validation {
    condition = alltrue([
      for flow in var.node_flows : contains(["tcp", "udp"], flow.protocol) && flow.port >= 1 && flow.port <= 65535
    ])
    error_message = "Each of node_flows must be one port of tcp or udp: all ports or protocols at once are no flow."
  }
}

variable "api_cidrs" {
  description = "From where the cluster's API may be reached. Empty: only from within the network."
  type        = list(string)

  validation {
    condition     = alltrue([for cidr in var.api_cidrs : can(cidrhost(cidr, 0)) && !strcontains(cidr, ":")])
    error_message = "api_cidrs must be IPv4 ranges: write one address as 203.0.113.7/32."
  }

  validation {
    condition     = alltrue([for cidr in var.api_cidrs : try(tonumber(split("/", cidr)[1]) >= 16, true)])
    error_message = "api_cidrs must be /16 or smaller, and never 0.0.0.0/0: name the addresses that you work from."
  }
}

variable "administrators" {
  description = "ARNs of IAM roles or users that administer the cluster, besides its creator."
  type        = list(string)

  validation {
    condition = alltrue([
      for arn in var.administrators : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/", arn))
    ])
    error_message = "administrators must be ARNs of IAM roles or users, as arn:aws:iam::123456789012:role/operators."
  }
}

variable "secrets_key_arn" {
  description = "The KMS key of Kubernetes' secrets."
  type        = string
}

variable "volume_key_arn" {
  description = "The KMS key of all disks."
  type        = string
}

variable "log_group_name" {
  description = "Where EKS writes the control plane's log: /aws/eks/NAME/cluster."
  type        = string
}

variable "log_retention_days" {
  description = "How long that log is kept, in days."
  type        = number
}

variable "log_key_arn" {
  description = "The KMS key of that log."
  type        = string
}
