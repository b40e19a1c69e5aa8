variable "name" {
  description = "Name of the repository."
  type        = string
}

variable "images_kept" {
  description = "How many images with a tag are kept, the newest ones."
  type        = number
  default     = 50

  validation {
    condition     = var.images_kept >= 10
    error_message = "images_kept must be at least 10: an image that runs, or is to be gone back to, must not expire."
  }
}

variable "teardown" {
  description = "Whether the repository may be deleted with images in it."
  type        = bool
  default     = false
}
