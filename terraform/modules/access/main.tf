# What pods may do in AWS. Writing backups and reading them are two roles: whoever can write cannot read or delete, so
# a pod that is taken over cannot take the backups with it. Ingest, workers, page, Kafka and Grafana have no role.
locals {
  folder  = "cassandra"
  objects = "${var.bucket_arn}/${local.folder}/*"

  list_folder = {
    Effect    = "Allow"
    Action    = "s3:ListBucket"
    Resource  = var.bucket_arn
    Condition = { StringLike = { "s3:prefix" = "${local.folder}/*" } }
  }

  roles = merge(
    {
      backup-writer = {
        service_account = "cassandra-backup"
        statements = [
          { Effect = "Allow", Action = ["s3:PutObject", "s3:AbortMultipartUpload"], Resource = local.objects },
          local.list_folder,
          # The parts of a large upload are put together again with the same key.
          { Effect = "Allow", Action = ["kms:GenerateDataKey", "kms:Decrypt"], Resource = var.backup_key_arn },
        ]
      }
      backup-reader = {
        service_account = "cassandra-restore"
        statements = [
          { Effect = "Allow", Action = ["s3:GetObject"], Resource = local.objects },
          local.list_folder,
          { Effect = "Allow", Action = ["kms:Decrypt"], Resource = var.backup_key_arn },
        ]
      }
    },
    # Without secrets there is nothing to read, and no role.
    length(var.secrets) == 0 ? {} : {
      secrets-reader = {
        service_account = "secrets-reader"
        statements = [
          { Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = values(var.secrets) },
        ]
      }
    },
  )
}

module "role" {
  source   = "../irsa"
  for_each = local.roles

  name              = "${var.name}-${each.key}"
  oidc_provider_arn = var.oidc_provider_arn
  oidc_issuer       = var.oidc_issuer
  namespace         = var.namespace
  service_account   = each.value.service_account
  statements        = each.value.statements
}
