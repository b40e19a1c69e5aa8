# Each zone has a private and a public subnet. A quarter of the addresses is private for each zone, since every pod
# takes one; the last quarter is divided into sixteen, of which each zone has one for its NAT gateway. The rest is free.
locals {
  public_quarter = cidrsubnet(var.cidr, 2, 3)

  subnets = {
    for index, zone in var.zones : zone => {
      private = cidrsubnet(var.cidr, 2, index)
      public  = cidrsubnet(local.public_quarter, 4, index)
    }
  }

  # With one gateway, the zone that has it takes the others' way to the outside with it when it fails.
  nat_zones = slice(var.zones, 0, local.size.nat_gateways)

  # The zone of the gateway that each zone goes out by.
  nat_zone_of = { for zone in var.zones : zone => contains(local.nat_zones, zone) ? zone : local.nat_zones[0] }
}
