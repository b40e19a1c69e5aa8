# One key for each kind of data, so that who may read the one cannot read the other, and its use is seen apart. Each
# key leaves its administration to IAM in this account; beyond that, two need a service to use them.
locals {
  administration = {
    Sid       = "ThisAccountDecidesByIam"
    Effect    = "Allow"
    Principal = { AWS = "arn:${var.partition}:iam::${var.account_id}:root" }
    Action    = "kms:*"
    Resource  = "*"
  }

  # As AWS's own key for disks has it: whoever in this account may start machines or attach disks, and only by EC2.
  # It serves the CSI driver and Auto Scaling alike, and names no service role that a new account has not got yet.
  disks_by_ec2 = {
    Sid       = "DisksOfThisAccountByEc2"
    Effect    = "Allow"
    Principal = { AWS = "*" }
    Action = [
      "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey",
    ]
    Resource = "*"
    Condition = {
      StringEquals = {
        "kms:ViaService"    = "ec2.${var.region}.amazonaws.com"
        "kms:CallerAccount" = var.account_id
      }
    }
  }

  logs_by_cloudwatch = {
    Sid       = "TheseLogGroupsByCloudWatch"
    Effect    = "Allow"
    Principal = { Service = "logs.${var.region}.amazonaws.com" }
    Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    Resource  = "*"
    Condition = {
      ArnEquals = {
        "kms:EncryptionContext:aws:logs:arn" = [
          for name in var.log_group_names :
          "arn:${var.partition}:logs:${var.region}:${var.account_id}:log-group:${name}"
        ]
      }
    }
  }

  keys = {
    secrets = { description = "Secrets of the cluster", by_services = [] }
    volumes = { description = "Disks of nodes and of claims", by_services = [local.disks_by_ec2] }
    logs    = { description = "Logs of control plane and network", by_services = [local.logs_by_cloudwatch] }
    backup  = { description = "Backups of Cassandra", by_services = [] }
  }
}

resource "aws_kms_key" "this" {
  for_each = local.keys

  description             = "${var.name}: ${each.value.description}"
  enable_key_rotation     = true
  deletion_window_in_days = 30

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat([local.administration], each.value.by_services)
  })
}

resource "aws_kms_alias" "this" {
  for_each = local.keys

  name          = "alias/${var.name}-${each.key}"
  target_key_id = aws_kms_key.this[each.key].key_id
}
