# The network: what is private stays so, each zone goes out by its own gateway, and connections are recorded.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name   = "tickline"
  cidr   = "10.40.0.0/16"
  region = "us-east-1"
  subnets = {
    a = { private = "10.40.0.0/18", public = "10.40.192.0/22" }
    b = { private = "10.40.64.0/18", public = "10.40.196.0/22" }
    c = { private = "10.40.128.0/18", public = "10.40.200.0/22" }
  }
  nat_zone_of        = { a = "a", b = "b", c = "c" }
  log_group_name     = "/aws/vpc/tickline/flow"
  log_retention_days = 30
  log_key_arn        = "arn:aws:kms:us-east-1:123456789012:key/logs"
}

run "a_gateway_a_zone" {
  module {
    source = "./modules/network"
  }

  assert {
    condition = alltrue([
      for zone, route in aws_route.private_out :
      route.nat_gateway_id == aws_nat_gateway.this[zone].id &&
      route.route_table_id == aws_route_table.private[zone].id &&
      aws_nat_gateway.this[zone].subnet_id == aws_subnet.public[zone].id
    ]) && length(aws_route.private_out) == 3 && length(distinct([for nat in aws_nat_gateway.this : nat.id])) == 3
    error_message = "each private subnet goes out by the gateway of its own zone"
  }

  assert {
    condition = alltrue([
      for zone, subnet in aws_subnet.private :
      subnet.availability_zone == zone && subnet.cidr_block == var.subnets[zone].private &&
      aws_route_table_association.private[zone].subnet_id == subnet.id &&
      aws_route_table_association.private[zone].route_table_id == aws_route_table.private[zone].id
    ]) && length(aws_subnet.private) == 3
    error_message = "each zone has a private subnet with its own table of routes"
  }

  assert {
    condition = (
      aws_route.public_out.route_table_id == aws_route_table.public.id &&
      aws_route.public_out.gateway_id == aws_internet_gateway.this.id &&
      alltrue([for zone, link in aws_route_table_association.public : link.subnet_id == aws_subnet.public[zone].id])
    )
    error_message = "public subnets, and they alone, lead to the internet gateway"
  }

  assert {
    condition = alltrue([
      for subnet in concat(values(aws_subnet.public), values(aws_subnet.private)) :
      subnet.map_public_ip_on_launch != true
    ])
    error_message = "nothing gets a public address by itself"
  }

  assert {
    condition = (
      length(coalesce(aws_default_security_group.closed.ingress, [])) == 0 &&
      length(coalesce(aws_default_security_group.closed.egress, [])) == 0
    )
    error_message = "the default security group lets something through"
  }

  assert {
    condition = (
      toset(aws_vpc_endpoint.s3.route_table_ids) == toset(values(aws_route_table.private)[*].id) &&
      aws_vpc_endpoint.s3.service_name == "com.amazonaws.us-east-1.s3"
    )
    error_message = "S3 is reached past the gateways from every private subnet"
  }

  assert {
    condition = (
      aws_flow_log.this.traffic_type == "ALL" && aws_flow_log.this.vpc_id == aws_vpc.this.id &&
      aws_flow_log.this.log_destination == aws_cloudwatch_log_group.flow.arn &&
      aws_cloudwatch_log_group.flow.retention_in_days == 30 &&
      aws_cloudwatch_log_group.flow.kms_key_id == var.log_key_arn
    )
    error_message = "connections are recorded, encrypted, for as long as asked for"
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.flow.policy).Statement :
      statement.Resource == "${aws_cloudwatch_log_group.flow.arn}:*" && !strcontains(join(" ", statement.Action), "*")
    ])
    error_message = "the role of the record writes to its own group, and no more"
  }
}

run "one_gateway" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    nat_zone_of = { a = "a", b = "a", c = "a" }
  }

  assert {
    condition = (
      keys(aws_nat_gateway.this) == ["a"] && keys(aws_eip.nat) == ["a"] && length(aws_route.private_out) == 3
    )
    error_message = "with one gateway all three zones go out by it"
  }
}

run "refused" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    nat_zone_of        = { a = "a", b = "a", c = "d" }
    log_retention_days = 31
  }

  expect_failures = [var.nat_zone_of, var.log_retention_days]
}

run "a_zone_without_a_gateway_is_refused" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    nat_zone_of = { a = "a", b = "b" }
  }

  expect_failures = [var.nat_zone_of]
}

run "two_zones_are_refused" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    subnets = {
      a = { private = "10.40.0.0/18", public = "10.40.192.0/22" }
      b = { private = "10.40.64.0/18", public = "10.40.196.0/22" }
    }
    nat_zone_of = { a = "a", b = "b" }
  }

  expect_failures = [var.subnets]
}
