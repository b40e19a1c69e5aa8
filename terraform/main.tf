# Everything in AWS that a pipeline stands on. What runs in the cluster is in k8s/ and applied by `scripts/deploy`, with
# the outputs of this. The modules know nothing of each other; they meet here.
data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_availability_zones" "available" {
  state = "available"

  # Here EKS has no room for control planes.
  exclude_zone_ids = ["use1-az3", "usw1-az2", "cac1-az3"]

  # No local zones: they have neither EKS nor NAT gateways.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  account_id = data.aws_caller_identity.this.account_id
  partition  = data.aws_partition.this.partition
  zones      = coalesce(var.zones, slice(sort(data.aws_availability_zones.available.names), 0, 3))
}

module "layout" {
  source = "./modules/layout"

  name       = var.name
  size       = var.size
  cidr       = var.cidr
  zones      = local.zones
  account_id = local.account_id
}

module "keys" {
  source = "./modules/keys"

  name            = var.name
  account_id      = local.account_id
  partition       = local.partition
  region          = var.region
  log_group_names = [module.layout.names.cluster_logs, module.layout.names.flow_logs]
}

module "network" {
  source = "./modules/network"

  name               = var.name
  cidr               = var.cidr
  region             = var.region
  subnets            = module.layout.subnets
  nat_zone_of        = module.layout.nat_zone_of
  log_group_name     = module.layout.names.flow_logs
  log_retention_days = module.layout.log_retention_days
  log_key_arn        = module.keys.arns["logs"]
}

module "cluster" {
  source = "./modules/cluster"

  name               = module.layout.names.cluster
  kubernetes_version = var.kubernetes_version
  partition          = local.partition
  vpc_id             = module.network.vpc_id
  subnet_ids         = module.network.private_subnet_ids
  node_groups        = module.layout.node_groups
  node_flows         = module.layout.node_flows
  api_cidrs          = var.api_cidrs
  administrators     = var.administrators
  secrets_key_arn    = module.keys.arns["secrets"]
  volume_key_arn     = module.keys.arns["volumes"]
  log_group_name     = module.layout.names.cluster_logs
  log_retention_days = module.layout.log_retention_days
  log_key_arn        = module.keys.arns["logs"]
}

module "registry" {
  source = "./modules/registry"

  name     = module.layout.names.repository
  teardown = var.teardown
}

module "backup" {
  source = "./modules/backup"

  bucket      = module.layout.names.bucket
  key_arn     = module.keys.arns["backup"]
  partition   = local.partition
  backup_days = var.backup_days
  teardown    = var.teardown
}
