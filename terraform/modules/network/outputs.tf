output "vpc_id" {
  description = "The network."
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "For each zone its private subnet, once there is a way out of it: nodes need one to join, and to leave."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }

  depends_on = [
    aws_route.private_out, aws_route_table_association.private,
    aws_route.public_out, aws_route_table_association.public,
  ]
}
