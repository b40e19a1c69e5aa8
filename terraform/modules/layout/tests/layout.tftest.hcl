# The arithmetic of the layout, against figures written down by hand.
variables {
  name       = "tickline"
  size       = "medium"
  cidr       = "10.40.0.0/16"
  zones      = ["us-east-1a", "us-east-1b", "us-east-1c"]
  account_id = "123456789012"
}

run "subnets_of_the_largest_network" {
  assert {
    condition = output.subnets == {
      us-east-1a = { private = "10.40.0.0/18", public = "10.40.192.0/22" }
      us-east-1b = { private = "10.40.64.0/18", public = "10.40.196.0/22" }
      us-east-1c = { private = "10.40.128.0/18", public = "10.40.200.0/22" }
    }
    error_message = "the subnets are ${jsonencode(output.subnets)}"
  }

  assert {
    condition     = output.names.bucket == "tickline-backup-123456789012" && output.names.cluster == "tickline"
    error_message = "the names are ${jsonencode(output.names)}"
  }

  assert {
    condition     = output.names.cluster_logs == "/aws/eks/tickline/cluster"
    error_message = "EKS writes its log to a group whose name it decides: /aws/eks/NAME/cluster"
  }
}

run "subnets_of_the_smallest_network" {
  variables {
    cidr = "192.168.16.0/20"
  }

  assert {
    condition = output.subnets == {
      us-east-1a = { private = "192.168.16.0/22", public = "192.168.28.0/26" }
      us-east-1b = { private = "192.168.20.0/22", public = "192.168.28.64/26" }
      us-east-1c = { private = "192.168.24.0/22", public = "192.168.28.128/26" }
    }
    error_message = "the subnets are ${jsonencode(output.subnets)}"
  }
}

run "longest_name" {
  variables {
    name = "abcdefghijklmnopqrstuvwx"
  }

  assert {
    condition     = length(output.names.bucket) <= 63
    error_message = "a bucket's name has 63 characters at most"
  }
}

run "small" {
  variables {
    size = "small"
  }

  assert {
    condition     = join(",", values(output.nat_zone_of)) == "us-east-1a,us-east-1a,us-east-1a"
    error_message = "all zones of the small size go out by one gateway: ${jsonencode(output.nat_zone_of)}"
  }

  assert {
    condition     = sum([for group in output.node_groups : group.count]) == 5
    error_message = "the small size has five nodes"
  }

  assert {
    # By hand: 73 + 5 * 0.1008 * 730 + 36.5 + 621 * 0.08 + 4 = 531.10
    condition     = output.monthly_cost_usd.total == 532 && output.log_retention_days == 14
    error_message = "the small size costs ${jsonencode(output.monthly_cost_usd)}"
  }

  assert {
    condition     = strcontains(file("${path.module}/../../../docs/terraform.md"), "\n${output.cost_row}\n")
    error_message = "docs/terraform.md lacks this row: ${output.cost_row}"
  }
}

run "medium" {
  assert {
    condition     = alltrue([for zone in var.zones : output.nat_zone_of[zone] == zone])
    error_message = "each zone has its own gateway: ${jsonencode(output.nat_zone_of)}"
  }

  assert {
    condition = {
      for key, group in output.node_groups : key => join(" ", concat([group.role], group.zones))
      } == {
      stateful-0 = "stateful us-east-1a"
      stateful-1 = "stateful us-east-1b"
      stateful-2 = "stateful us-east-1c"
      stateless  = "stateless us-east-1a us-east-1b us-east-1c"
    }
    error_message = "a disk stays in its zone: one group of stateful nodes a zone"
  }

  assert {
    condition = alltrue([
      for group in output.node_groups : jsonencode(group.labels) == jsonencode({ "tickline/role" = group.role }) &&
      jsonencode(group.taints) == (group.role == "stateful" ? jsonencode({ "tickline/role" = "stateful" }) : "{}")
    ])
    error_message = "nodes bear their role as label, stateful ones as taint too"
  }

  assert {
    # By hand: 73 + 730 * 3 * (0.2646 + 0.2016) + 109.5 + 2451 * 0.08 + 4 = 1403.56
    condition     = output.monthly_cost_usd.total == 1404
    error_message = "the medium size costs ${jsonencode(output.monthly_cost_usd)}"
  }

  assert {
    condition     = strcontains(file("${path.module}/../../../docs/terraform.md"), "\n${output.cost_row}\n")
    error_message = "docs/terraform.md lacks this row: ${output.cost_row}"
  }
}

run "large" {
  variables {
    size = "large"
  }

  assert {
    condition     = alltrue([for group in output.node_groups : group.role == "stateless" || group.count == 2])
    error_message = "Kafka and Cassandra have a machine each in every zone"
  }

  assert {
    # By hand: 73 + 730 * 6 * (0.5292 + 0.4032) + 109.5 + 9701 * 0.08 + 4 = 5046.49
    condition     = output.monthly_cost_usd.total == 5047
    error_message = "the large size costs ${jsonencode(output.monthly_cost_usd)}"
  }

  assert {
    condition     = strcontains(file("${path.module}/../../../docs/terraform.md"), "\n${output.cost_row}\n")
    error_message = "docs/terraform.md lacks this row: ${output.cost_row}"
  }
}
