output "name" {
  description = "The cluster, once its nodes and add-ons are there."
  value       = aws_eks_cluster.this.name
  depends_on  = [aws_eks_addon.names, aws_eks_addon.disks]
}

output "endpoint" {
  description = "Address of the cluster's API."
  value       = aws_eks_cluster.this.endpoint
}

output "oidc_provider_arn" {
  description = "The cluster's identity provider in IAM."
  value       = aws_iam_openid_connect_provider.this.arn
}

output "oidc_issuer" {
  description = "The cluster's issuer, without https://."
  value       = local.oidc_issuer
}
