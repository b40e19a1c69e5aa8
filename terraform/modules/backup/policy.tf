# What the bucket refuses whatever a role allows: all without TLS 1.2, and what would be encrypted with another key.
locals {
  own_arn  = "arn:${var.partition}:s3:::${var.bucket}"
  whole    = [local.own_arn, "${local.own_arn}/*"]
  everyone = { AWS = "*" }
}

resource "aws_s3_bucket_policy" "this" {
  bucket     = aws_s3_bucket.this.id
  depends_on = [aws_s3_bucket_public_access_block.this]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = local.everyone
        Action    = "s3:*"
        Resource  = local.whole
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "NoOldTls"
        Effect    = "Deny"
        Principal = local.everyone
        Action    = "s3:*"
        Resource  = local.whole
        Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
      },
      {
        # Whoever names no key gets the bucket's.
        Sid       = "NoOtherKey"
        Effect    = "Deny"
        Principal = local.everyone
        Action    = "s3:PutObject"
        Resource  = "${local.own_arn}/*"
        Condition = {
          StringNotEqualsIfExists = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = var.key_arn }
          Null                    = { "s3:x-amz-server-side-encryption" = "false" }
        }
      },
      {
        # With a key that came along in the request, nobody else could read what is meant to be restored.
        Sid       = "NoKeyInTheRequest"
        Effect    = "Deny"
        Principal = local.everyone
        Action    = "s3:PutObject"
        Resource  = "${local.own_arn}/*"
        Condition = { Null = { "s3:x-amz-server-side-encryption-customer-algorithm" = "false" } }
      },
    ]
  })
}
