# The keys: one a kind of data, and who may use which.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name            = "tickline"
  account_id      = "123456789012"
  partition       = "aws"
  region          = "eu-central-1"
  log_group_names = ["/aws/eks/tickline/cluster", "/aws/vpc/tickline/flow"]
}

run "keys" {
  module {
    source = "./modules/keys"
  }

  assert {
    condition     = keys(output.arns) == ["backup", "logs", "secrets", "volumes"]
    error_message = "the keys are ${join(", ", keys(output.arns))}"
  }

  assert {
    condition = alltrue([
      for key in aws_kms_key.this : key.enable_key_rotation && key.deletion_window_in_days == 30
    ])
    error_message = "keys are renewed, and deleted late enough to be had back"
  }

  assert {
    condition = {
      for purpose, key in aws_kms_key.this : purpose => join(" ", jsondecode(key.policy).Statement[*].Sid)
      } == {
      backup  = "ThisAccountDecidesByIam"
      logs    = "ThisAccountDecidesByIam TheseLogGroupsByCloudWatch"
      secrets = "ThisAccountDecidesByIam"
      volumes = "ThisAccountDecidesByIam DisksOfThisAccountByEc2"
    }
    error_message = "who may use which key"
  }

  assert {
    condition = (
      jsondecode(aws_kms_key.this["logs"].policy).Statement[1].Principal.Service == "logs.eu-central-1.amazonaws.com" &&
      values(jsondecode(aws_kms_key.this["logs"].policy).Statement[1].Condition.ArnEquals) == [[
        "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/eks/tickline/cluster",
        "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/vpc/tickline/flow",
      ]]
    )
    error_message = "CloudWatch uses the key of logs for our two groups only"
  }

  assert {
    condition = jsonencode(jsondecode(aws_kms_key.this["volumes"].policy).Statement[1].Condition) == jsonencode({
      StringEquals = { "kms:CallerAccount" = "123456789012", "kms:ViaService" = "ec2.eu-central-1.amazonaws.com" }
    })
    error_message = "the key of disks is open to everyone but for these two conditions"
  }
}

run "a_pattern_of_log_groups_is_refused" {
  command = plan

  module {
    source = "./modules/keys"
  }

  variables {
    log_group_names = ["/aws/*"]
  }

  expect_failures = [var.log_group_names]
}
