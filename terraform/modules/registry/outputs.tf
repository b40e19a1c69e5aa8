output "repository_url" {
  description = "Where the image is pushed to and pulled from, without a tag."
  value       = aws_ecr_repository.this.repository_url
}
