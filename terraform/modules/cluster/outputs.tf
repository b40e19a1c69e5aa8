output "name" {
  description = "The cluster, once its nodes and add-ons are ready."
  value       = aws_eks_cluster.this.name
  depends_on  = [aws_eks_addon.names, aws_eks_addon.disks]
}

output "endpoint" {
  description = "Address of the cluster's API."
  value       = aws_eks_cluster.this.endpoint
}
