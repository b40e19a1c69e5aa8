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
  description = "ARNs of IAM roles or users that administer the cluster, besides the one that applies this."
  type        = list(string)
  default     = []
}

variable "finnhub_token_secret_arn" {
  description = "ARN of the secret in Secrets Manager that holds Finnhub's key; scripts/deploy reads it. Never the key."
  type        = string
  default     = ""

  validation {
    condition = var.finnhub_token_secret_arn == "" || can(regex(
      "^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}$",
      var.finnhub_token_secret_arn,
    ))
    error_message = "finnhub_token_secret_arn must be a whole ARN of Secrets Manager, never a value: the state holds it."
  }
}

variable "backup_days" {
  description = "How long a backup of Cassandra is kept, in days."
  type        = number
  default     = 35
}

variable "teardown" {
  description = "Set to true, and applied, before destroying: allows the backups and images to be deleted."
  type        = bool
  default     = false
}
