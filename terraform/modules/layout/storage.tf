# The StorageClass as Kubernetes wants it. It is Kubernetes' object and not Terraform's: `scripts/deploy` applies it.
# A disk is made where its pod is, is encrypted, can grow, and outlives its claim: deleting data is a person's decision.
locals {
  storage_class = {
    apiVersion           = "storage.k8s.io/v1"
    kind                 = "StorageClass"
    metadata             = { name = local.names.storage_class }
    provisioner          = "ebs.csi.aws.com"
    volumeBindingMode    = "WaitForFirstConsumer"
    reclaimPolicy        = "Retain"
    allowVolumeExpansion = true
    parameters = {
      type                        = "gp3"
      "csi.storage.k8s.io/fstype" = "ext4"
      encrypted                   = "true"
      kmsKeyId                    = var.volume_key_arn
    }
  }
}
