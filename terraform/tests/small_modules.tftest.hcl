# The modules of one or two resources: registry, backup, and the role of a service account.
mock_provider "aws" {
  source = "./tests/mocks"
}

run "registry" {
  command = plan

  module {
    source = "./modules/registry"
  }

  variables {
    name = "tickline/tickline"
  }

  assert {
    condition = (
      aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE" &&
      aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push &&
      aws_ecr_repository.this.encryption_configuration[0].encryption_type == "AES256" &&
      aws_ecr_repository.this.force_delete == false
    )
    error_message = "tags are for ever, images are scanned, and none is deleted by accident"
  }

  assert {
    condition = [
      for rule in jsondecode(aws_ecr_lifecycle_policy.this.policy).rules :
      [rule.selection.tagStatus, rule.selection.countNumber]
    ] == [["untagged", 7], ["any", 50]]
    error_message = "what has no tag goes after a week; of the rest the newest 50 stay"
  }
}

run "a_registry_that_forgets_what_runs_is_refused" {
  command = plan

  module {
    source = "./modules/registry"
  }

  variables {
    name        = "tickline/tickline"
    images_kept = 1
  }

  expect_failures = [var.images_kept]
}

run "backup" {
  command = plan

  module {
    source = "./modules/backup"
  }

  variables {
    bucket    = "tickline-backup-123456789012"
    key_arn   = "arn:aws:kms:us-east-1:123456789012:key/backup"
    partition = "aws"
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
      aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced",
    ])
    error_message = "the bucket can be made public"
  }

  assert {
    condition = (
      aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled" && !aws_s3_bucket.this.force_destroy
    )
    error_message = "what is overwritten or deleted can be had back"
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule : rule.bucket_key_enabled &&
      rule.apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms" &&
      rule.apply_server_side_encryption_by_default[0].kms_master_key_id == var.key_arn
    ])
    error_message = "backups are encrypted with their own key"
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.status == "Enabled" &&
      rule.expiration[0].days == 35 && rule.noncurrent_version_expiration[0].noncurrent_days == 7 &&
      rule.abort_incomplete_multipart_upload[0].days_after_initiation == 2
    ]) && length(aws_s3_bucket_lifecycle_configuration.this.rule) == 1
    error_message = "backups go after 35 days, and their remains after 7 more"
  }

  assert {
    condition = {
      for statement in jsondecode(aws_s3_bucket_policy.this.policy).Statement : statement.Sid =>
      join(" ", concat([statement.Effect, statement.Principal.AWS], flatten([
        for test, keys in statement.Condition : [for key, value in keys : "${test} ${key} ${value}"]
      ])))
      } == {
      TlsOnly           = "Deny * Bool aws:SecureTransport false"
      NoOldTls          = "Deny * NumericLessThan s3:TlsVersion 1.2"
      NoKeyInTheRequest = "Deny * Null s3:x-amz-server-side-encryption-customer-algorithm false"
      NoOtherKey = join(" ", [
        "Deny * Null s3:x-amz-server-side-encryption false",
        "StringNotEqualsIfExists s3:x-amz-server-side-encryption-aws-kms-key-id ${var.key_arn}",
      ])
    }
    error_message = "the bucket's policy is ${aws_s3_bucket_policy.this.policy}"
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_s3_bucket_policy.this.policy).Statement :
      flatten([statement.Resource]) == flatten([
        "arn:aws:s3:::tickline-backup-123456789012", "arn:aws:s3:::tickline-backup-123456789012/*",
      ]) if statement.Action == "s3:*"
    ])
    error_message = "TLS is asked for at the bucket and at all that is in it"
  }
}

run "backups_shorter_than_the_log_are_refused" {
  command = plan

  module {
    source = "./modules/backup"
  }

  variables {
    bucket      = "tickline-backup-123456789012"
    key_arn     = "arn:aws:kms:us-east-1:123456789012:key/backup"
    partition   = "aws"
    backup_days = 7
  }

  expect_failures = [var.backup_days]
}

run "a_role_for_one_service_account" {
  command = plan

  module {
    source = "./modules/irsa"
  }

  variables {
    name                = "tickline-x"
    oidc_provider_arn   = "arn:aws:iam::123456789012:oidc-provider/oidc.example/id/A"
    oidc_issuer         = "oidc.example/id/A"
    namespace           = "tickline"
    service_account     = "x"
    managed_policy_arns = ["arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"]
  }

  assert {
    condition = jsonencode(jsondecode(aws_iam_role.this.assume_role_policy).Statement) == jsonencode([{
      Action = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = {
        "oidc.example/id/A:aud" = "sts.amazonaws.com"
        "oidc.example/id/A:sub" = "system:serviceaccount:tickline:x"
      } }
      Effect    = "Allow"
      Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/oidc.example/id/A" }
    }])
    error_message = "the role can be taken by: ${aws_iam_role.this.assume_role_policy}"
  }

  assert {
    condition     = jsonencode(values(aws_iam_role_policy_attachment.managed)[*].policy_arn) == jsonencode(var.managed_policy_arns)
    error_message = "the role may do what it is told, and no more"
  }
}

run "a_role_for_anyone_is_refused" {
  command = plan

  module {
    source = "./modules/irsa"
  }

  variables {
    name                = "tickline-x"
    oidc_provider_arn   = "arn:aws:iam::123456789012:oidc-provider/oidc.example/id/A"
    oidc_issuer         = "https://oidc.example/id/A"
    namespace           = "tickline"
    service_account     = "*"
    managed_policy_arns = []
  }

  expect_failures = [var.oidc_issuer, var.service_account]
}
