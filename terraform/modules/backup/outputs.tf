output "bucket" {
  description = "The bucket."
  value       = aws_s3_bucket.this.bucket
}

output "bucket_arn" {
  description = "The bucket, as policies name it."
  value       = local.own_arn
}
