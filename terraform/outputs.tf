output "deploy" {
  description = "What scripts/deploy needs: `terraform -chdir=terraform output -json deploy`. Nothing in it is secret."
  value = {
    region         = var.region
    cluster        = module.cluster.name
    namespace      = var.namespace
    zones          = local.zones
    image          = module.registry.repository_url
    backup         = "s3://${module.backup.bucket}/cassandra"
    role_arns      = module.access.role_arns
    secret_arns    = var.secrets
    storage_class  = module.layout.storage_class
    node_role_key  = "tickline/role"
    stateful_nodes = sum([for group in module.layout.node_groups : group.count if group.role == "stateful"])
  }
}

output "kubeconfig_command" {
  description = "The command that lets kubectl speak to the cluster."
  value       = "aws eks update-kubeconfig --region ${var.region} --name ${module.cluster.name}"
}

output "api_endpoint" {
  description = "Address of the cluster's API."
  value       = module.cluster.endpoint
}

output "monthly_cost_usd" {
  description = "Estimated cost a month in US dollars at list prices of us-east-1, without what depends on use."
  value       = module.layout.monthly_cost_usd
}
