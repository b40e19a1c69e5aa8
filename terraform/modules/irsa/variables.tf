variable "name" {
  description = "Name of the role."
  type        = string
}

variable "oidc_provider_arn" {
  description = "The cluster's identity provider in IAM."
  type        = string
}

variable "oidc_issuer" {
  description = "The cluster's issuer, without https://."
  type        = string

  validation {
    condition     = !startswith(var.oidc_issuer, "https://") && length(var.oidc_issuer) > 0
    error_message = "oidc_issuer must be without https://, or the condition of the role holds for nobody."
  }
}

variable "namespace" {
  description = "Namespace of the service account."
  type        = string
}

variable "service_account" {
  description = "The one service account that may take the role."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", var.service_account))
    error_message = "service_account must be the name of one service account: a pattern would let others in."
  }
}

variable "managed_policy_arns" {
  description = "Policies of AWS's that the role has."
  type        = list(string)
}
