# What a size means. Stateful nodes hold one Kafka broker and one Cassandra node a zone (large: a machine each);
# stateless ones hold everything else. Volumes are what the claims of k8s/ ask for, and count for the estimate only.
locals {
  sizes = {
    # To try it, or some hundred symbols: one way out, a week or two of logs.
    small = {
      stateful           = { instance_type = "m7i.large", per_zone = 1, disk_gib = 30 }
      stateless          = { instance_type = "m7i.large", count = 2, disk_gib = 30 }
      nat_gateways       = 1
      log_retention_days = 14
      volume_gib         = { kafka = 50, cassandra = 100, prometheus = 20 }
    }
    # All symbols of a few exchanges, any one zone may fail.
    medium = {
      stateful           = { instance_type = "r7i.xlarge", per_zone = 1, disk_gib = 50 }
      stateless          = { instance_type = "m7i.xlarge", count = 3, disk_gib = 50 }
      nat_gateways       = 3
      log_retention_days = 30
      volume_gib         = { kafka = 200, cassandra = 500, prometheus = 50 }
    }
    # All symbols, with years of rows; Kafka and Cassandra do not share machines.
    large = {
      stateful           = { instance_type = "r7i.2xlarge", per_zone = 2, disk_gib = 50 }
      stateless          = { instance_type = "m7i.2xlarge", count = 6, disk_gib = 50 }
      nat_gateways       = 3
      log_retention_days = 90
      volume_gib         = { kafka = 1000, cassandra = 2000, prometheus = 100 }
    }
  }

  size = local.sizes[var.size]

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
