variable "name" {
  description = "What the roles are named after."
  type        = string
}

variable "namespace" {
  description = "Namespace of the service accounts."
  type        = string
}

variable "oidc_provider_arn" {
  description = "The cluster's identity provider in IAM."
  type        = string
}

variable "oidc_issuer" {
  description = "The cluster's issuer, without https://."
  type        = string
}

variable "bucket_arn" {
  description = "The bucket of backups."
  type        = string
}

variable "backup_key_arn" {
  description = "The KMS key of backups."
  type        = string
}

variable "secrets" {
  description = "Secrets by name, each the ARN of one in Secrets Manager. Never a value."
  type        = map(string)

  validation {
    condition = alltrue([
      for arn in values(var.secrets) :
      can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}$", arn))
    ])
    error_message = "secrets must be whole ARNs of Secrets Manager, never values: those would stand in the state."
  }
}
