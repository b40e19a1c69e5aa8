# What sizes.yaml and flows.yaml say, and the groups of nodes that follow. They are data, so that a test of the manifests
# can read them too.
locals {
  node_flows = yamldecode(file("${path.module}/flows.yaml"))
  size       = yamldecode(file("${path.module}/sizes.yaml"))[var.size]

  # A disk stays in its zone. One group of stateful nodes a zone brings a lost node back where its disks are.
  stateful_groups = {
    for index, zone in var.zones : "stateful-${index}" => {
      role          = "stateful"
      zones         = [zone]
      instance_type = local.size.stateful.instance_type
      count         = local.size.stateful.per_zone
      disk_gib      = local.size.stateful.disk_gib
      taints        = { (local.role_key) = "stateful" }
    }
  }

  stateless_groups = {
    stateless = {
      role          = "stateless"
      zones         = var.zones
      instance_type = local.size.stateless.instance_type
      count         = local.size.stateless.count
      disk_gib      = local.size.stateless.disk_gib
      taints        = {}
    }
  }

  node_groups = {
    for key, group in merge(local.stateful_groups, local.stateless_groups) :
    key => merge(group, { labels = { (local.role_key) = group.role } })
  }
}
