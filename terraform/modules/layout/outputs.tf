output "names" {
  description = "Names of cluster, repository, bucket and log groups."
  value       = local.names
}

output "subnets" {
  description = "The private and the public address range of each zone."
  value       = local.subnets
}

output "nat_zones" {
  description = "Zones that have a NAT gateway of their own."
  value       = local.nat_zones
}

output "nat_zone_of" {
  description = "For each zone, the zone of the NAT gateway that it goes out by."
  value       = local.nat_zone_of
}

output "node_groups" {
  description = "Groups of nodes: role, zones, instance type, count, disk in GiB, labels, taints."
  value       = local.node_groups
}

output "node_flows" {
  description = "What may go from node to node: protocol, port and what it is."
  value       = local.node_flows
}

output "log_retention_days" {
  description = "How long logs are kept, in days."
  value       = local.size.log_retention_days
}

output "monthly_cost_usd" {
  description = "Estimated cost a month in US dollars, by part and in total."
  value       = local.monthly_cost_usd
}

output "cost_row" {
  description = "This size as a row of the table in docs/terraform.md."
  value       = local.cost_row
}
