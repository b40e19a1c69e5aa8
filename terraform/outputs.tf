output "deploy" {
  description = "What scripts/deploy needs: `terraform -chdir=terraform output -json deploy`. Nothing in it is secret."
  value = {
    region                   = var.region
    cluster                  = module.cluster.name
    size                     = var.size
    image                    = module.registry.repository_url
    volume_key_arn           = module.keys.arns["volumes"]
    finnhub_token_secret_arn = var.finnhub_token_secret_arn
  }
}

output "backup" {
  description = "Where scripts/cassandra-backup saves to, and the bucket and the key that whoever runs it must be let use."
  value = {
    place      = "s3://${module.backup.bucket}/cassandra"
    bucket_arn = module.backup.bucket_arn
    key_arn    = module.keys.arns["backup"]
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
