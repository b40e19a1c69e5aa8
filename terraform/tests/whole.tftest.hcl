# Everything together: that the modules get each other's outputs, and what scripts/deploy is told.
mock_provider "aws" {
  source = "./tests/mocks"
}

# Or all keys would have the same name, and be taken for one another unnoticed.
override_resource {
  target = module.keys.aws_kms_key.this["volumes"]
  values = { arn = "arn:aws:kms:us-east-1:123456789012:key/volumes" }
}

override_resource {
  target = module.keys.aws_kms_key.this["backup"]
  values = { arn = "arn:aws:kms:us-east-1:123456789012:key/backup" }
}

override_resource {
  target = module.keys.aws_kms_key.this["logs"]
  values = { arn = "arn:aws:kms:us-east-1:123456789012:key/logs" }
}

override_resource {
  target = module.keys.aws_kms_key.this["secrets"]
  values = { arn = "arn:aws:kms:us-east-1:123456789012:key/secrets" }
}

variables {
  api_cidrs = ["203.0.113.7/32"]
}

run "medium" {
  variables {
    size                     = "medium"
    finnhub_token_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:tickline/finnhub-AbCdEf"
  }

  assert {
    condition     = local.zones == tolist(["us-east-1a", "us-east-1b", "us-east-1d"])
    error_message = "the zones are the first three by name, however AWS lists them: ${jsonencode(local.zones)}"
  }

  assert {
    condition = jsonencode(output.deploy) == jsonencode({
      region                   = "us-east-1"
      cluster                  = "tickline"
      size                     = "medium"
      image                    = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mock"
      volume_key_arn           = "arn:aws:kms:us-east-1:123456789012:key/volumes"
      finnhub_token_secret_arn = var.finnhub_token_secret_arn
    })
    error_message = "scripts/deploy is told ${jsonencode(output.deploy)}"
  }

  assert {
    condition = jsonencode(output.backup) == jsonencode({
      place      = "s3://tickline-backup-123456789012/cassandra"
      bucket_arn = "arn:aws:s3:::tickline-backup-123456789012"
      key_arn    = "arn:aws:kms:us-east-1:123456789012:key/backup"
    })
    error_message = "backups go to ${jsonencode(output.backup)}"
  }

  assert {
    condition     = length(module.network.private_subnet_ids) == 3 && length(module.layout.node_groups) == 4
    error_message = "three zones, four groups of nodes"
  }

  assert {
    condition     = output.kubeconfig_command == "aws eks update-kubeconfig --region us-east-1 --name tickline"
    error_message = output.kubeconfig_command
  }
}

run "zones_by_name" {
  command = plan

  variables {
    zones = ["us-east-1b", "us-east-1d", "us-east-1f"]
  }

  assert {
    condition     = keys(module.network.private_subnet_ids) == ["us-east-1b", "us-east-1d", "us-east-1f"]
    error_message = "zones that are named are taken"
  }
}

run "refused" {
  command = plan

  variables {
    region                   = "Frankfurt"
    size                     = "huge"
    finnhub_token_secret_arn = "the-key-itself"
  }

  expect_failures = [var.region, var.size, var.finnhub_token_secret_arn]
}

run "all_secrets_at_once_are_refused" {
  command = plan

  variables {
    finnhub_token_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:*"
  }

  expect_failures = [var.finnhub_token_secret_arn]
}
