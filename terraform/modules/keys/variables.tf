variable "name" {
  description = "What the keys are named after."
  type        = string
}

variable "account_id" {
  description = "The AWS account whose administrators manage the keys."
  type        = string
}

variable "partition" {
  description = "The part of AWS: aws, aws-cn or aws-us-gov."
  type        = string
}

variable "region" {
  description = "The AWS region."
  type        = string
}

variable "log_group_names" {
  description = "The log groups that are encrypted: the key of logs is for them alone."
  type        = list(string)

  validation {
    condition = length(var.log_group_names) > 0 && alltrue([
      for name in var.log_group_names : startswith(name, "/") && !strcontains(name, "*")
    ])
    error_message = "log_group_names must be whole names that begin with /: the key is for these groups and no others."
  }
}
