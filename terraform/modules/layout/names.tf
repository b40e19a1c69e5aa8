# What is called how. Log groups and the cluster are named before they exist, since keys and roles name them too.
locals {
  names = {
    cluster      = var.name
    repository   = "${var.name}/tickline"
    bucket       = "${var.name}-backup-${var.account_id}"
    cluster_logs = "/aws/eks/${var.name}/cluster"
    flow_logs    = "/aws/vpc/${var.name}/flow"
  }

  # The role of a node, as label and as taint. Pods of Kafka and Cassandra select and tolerate "stateful":
  # k8s/overlays/prod/stateful-nodes.yaml has the same key.
  role_key = "tickline/role"
}
