# What a size costs in a month of 730 hours, from list prices in US dollars, on demand, in us-east-1. An estimate to
# choose a size by: prices change, other regions cost up to a third more, and what depends on use is not in it.
locals {
  hours_a_month = 730

  price_usd_per_hour = {
    "m7i.large"   = 0.1008
    "m7i.xlarge"  = 0.2016
    "m7i.2xlarge" = 0.4032
    "r7i.xlarge"  = 0.2646
    "r7i.2xlarge" = 0.5292
    cluster       = 0.10
    nat_gateway   = 0.045 + 0.005 # with its public address
  }
  price_usd_per_gib = 0.08 # gp3, with what IOPS and throughput it has by itself
  price_usd_per_key = 1
  keys              = 4

  zones_count  = length(var.zones)
  in_each_zone = ["kafka", "cassandra"]
  node_counts = {
    stateful  = local.size.stateful.per_zone * local.zones_count
    stateless = local.size.stateless.count
  }
  disks_gib = sum([
    local.node_counts.stateful * local.size.stateful.disk_gib,
    local.node_counts.stateless * local.size.stateless.disk_gib,
    sum([for claim, gib in local.size.volume_gib : gib * (contains(local.in_each_zone, claim) ? local.zones_count : 1)]),
  ])

  cost_parts_usd = {
    cluster = local.price_usd_per_hour.cluster * local.hours_a_month
    nodes = local.hours_a_month * sum([
      for role, count in local.node_counts : count * local.price_usd_per_hour[local.size[role].instance_type]
    ])
    nat   = local.price_usd_per_hour.nat_gateway * local.hours_a_month * local.size.nat_gateways
    disks = local.price_usd_per_gib * local.disks_gib
    keys  = local.price_usd_per_key * local.keys
  }

  monthly_cost_usd = merge(
    { for part, usd in local.cost_parts_usd : part => ceil(usd) },
    { total = ceil(sum(values(local.cost_parts_usd))) },
  )

  # The row of this size in docs/terraform.md; a test compares.
  cost_row = format("| %s | %d × %s | %d × %s | %d | %d | %d | %d |", var.size,
    local.node_counts.stateful, local.size.stateful.instance_type,
    local.node_counts.stateless, local.size.stateless.instance_type,
    local.size.nat_gateways, local.disks_gib, local.size.log_retention_days, local.monthly_cost_usd.total,
  )
}
