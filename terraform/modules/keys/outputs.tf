output "arns" {
  description = "The keys: secrets, volumes, logs, backup."
  value       = { for purpose, key in aws_kms_key.this : purpose => key.arn }
}
