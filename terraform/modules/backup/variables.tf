variable "bucket" {
  description = "Name of the bucket, which nobody else in the world may have."
  type        = string
}

variable "key_arn" {
  description = "The KMS key of all that is in it."
  type        = string
}

variable "partition" {
  description = "The part of AWS: aws, aws-cn or aws-us-gov."
  type        = string
}

variable "backup_days" {
  description = "How long a backup is kept, in days."
  type        = number
  default     = 35

  validation {
    condition     = var.backup_days >= 8
    error_message = "backup_days must be at least 8: a backup outlives the 7 days that can be replayed from the log."
  }
}

variable "teardown" {
  description = "Whether the bucket may be deleted with backups in it."
  type        = bool
  default     = false
}
