variable "name" {
  description = "What everything is named after; two installations in one account need two names."
  type        = string
  default     = "tickline"
}

variable "region" {
  description = "The AWS region. It needs three availability zones."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the code of a region, as eu-central-1: `aws ec2 describe-regions` lists them."
  }
}

variable "size" {
  description = "small, medium or large: docs/terraform.md says what each is and costs."
  type        = string
  default     = "small"

  validation {
    condition     = contains(["small", "medium", "large"], var.size)
    error_message = "size must be small, medium or large: choose one (docs/terraform.md says what each costs)."
  }
}

variable "cidr" {
  description = "Addresses of the network, /16 to /20 in 10.0.0.0/8 or 192.168.0.0/16."
  type        = string
  default     = "10.40.0.0/16"
}

variable "zones" {
  description = "Three availability zones; by default the first three of the region. Disks stay there for good."
  type        = list(string)
  default     = null
}

variable "kubernetes_version" {
  description = "Version of Kubernetes. One step at a time."
  type        = string
  default     = "1.35"
}

variable "api_cidrs" {
  description = "IPv4 ranges from which the cluster's API may be reached, such as [\"203.0.113.7/32\"]; [] for none."
  type        = list(string)
}

variable "administrators" {
  description = "ARNs of IAM roles or users that administer the cluster, beside whoever applies this."
  type        = list(string)
  default     = []
}

variable "namespace" {
  description = "The namespace that k8s/ is applied to: roles are for service accounts of this one."
  type        = string
  default     = "tickline"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", var.namespace)) && !startswith(var.namespace, "kube-")
    error_message = "namespace must be a name as Kubernetes has them, and none of its own: the manifests use tickline."
  }
}

variable "secrets" {
  description = "ARNs of secrets in Secrets Manager by name, such as finnhub-token; never values."
  type        = map(string)
  default     = {}
}

variable "backup_days" {
  description = "How long a backup of Cassandra is kept, in days."
  type        = number
  default     = 35
}

variable "teardown" {
  description = "Set to true, and applied, before destroying: allows to delete the backups and images that are there."
  type        = bool
  default     = false
}
