# What pods may do in AWS: each role exactly its own, and no pattern of actions.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name              = "tickline"
  namespace         = "tickline"
  oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/oidc.example/id/A"
  oidc_issuer       = "oidc.example/id/A"
  bucket_arn        = "arn:aws:s3:::bucket"
  backup_key_arn    = "arn:aws:kms:us-east-1:123456789012:key/backup"
  secrets           = { finnhub-token = "arn:aws:secretsmanager:us-east-1:123456789012:secret:tickline/finnhub-AbCdEf" }
}

run "with_secrets" {
  module {
    source = "./modules/access"
  }

  assert {
    condition     = keys(output.role_arns) == ["cassandra-backup", "cassandra-restore", "secrets-reader"]
    error_message = "roles are for ${join(", ", keys(output.role_arns))}"
  }

  assert {
    condition = {
      for key, role in local.roles : key => join(" ", sort(flatten(role.statements[*].Action)))
      } == {
      backup-writer  = "kms:Decrypt kms:GenerateDataKey s3:AbortMultipartUpload s3:ListBucket s3:PutObject"
      backup-reader  = "kms:Decrypt s3:GetObject s3:ListBucket"
      secrets-reader = "secretsmanager:GetSecretValue"
    }
    error_message = "writers only write, readers only read, nobody deletes"
  }

  assert {
    condition = alltrue(flatten([
      for role in local.roles : [
        for statement in role.statements : [
          for resource in flatten([statement.Resource]) : contains([
            "arn:aws:s3:::bucket", "arn:aws:s3:::bucket/cassandra/*", var.backup_key_arn, var.secrets["finnhub-token"],
          ], resource)
        ]
      ]
    ]))
    error_message = "each resource is one of ours"
  }

  assert {
    condition = alltrue([
      for key in ["backup-writer", "backup-reader"] : alltrue([
        for statement in local.roles[key].statements :
        try(statement.Condition.StringLike["s3:prefix"] == "cassandra/*", false)
        if flatten([statement.Action]) == ["s3:ListBucket"]
      ])
    ])
    error_message = "only the folder of backups is listed"
  }
}

run "without_secrets" {
  command = plan

  module {
    source = "./modules/access"
  }

  variables {
    secrets = {}
  }

  assert {
    condition     = keys(local.roles) == ["backup-reader", "backup-writer"]
    error_message = "nobody reads secrets where there are none"
  }
}

run "a_secret_by_value_is_refused" {
  command = plan

  module {
    source = "./modules/access"
  }

  variables {
    secrets = { finnhub-token = "not-an-arn" }
  }

  expect_failures = [var.secrets]
}

run "all_secrets_at_once_are_refused" {
  command = plan

  module {
    source = "./modules/access"
  }

  variables {
    secrets = { all = "arn:aws:secretsmanager:us-east-1:123456789012:secret:*" }
  }

  expect_failures = [var.secrets]
}
