# The nodes. Disks are encrypted; the machine's identity is told to the machine only, not to its pods (hop limit 1).
# The instance type is set in the launch template: there a change replaces nodes one by one. At the group it would
# delete the whole group first.
resource "aws_launch_template" "this" {
  for_each = var.node_groups

  name                   = "${var.name}-${each.key}"
  instance_type          = each.value.instance_type
  update_default_version = true
  vpc_security_group_ids = [aws_security_group.node.id]

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = each.value.disk_gib
      encrypted             = "true"
      kms_key_id            = var.volume_key_arn
      delete_on_termination = "true"
    }
  }

  dynamic "tag_specifications" {
    for_each = ["instance", "volume"]

    content {
      resource_type = tag_specifications.value
      tags          = { Name = "${var.name}-${each.key}" }
    }
  }
}

resource "aws_eks_node_group" "this" {
  for_each = var.node_groups

  cluster_name    = aws_eks_cluster.this.name
  node_group_name = each.key
  node_role_arn   = aws_iam_role.node.arn
  subnet_ids      = [for zone in each.value.zones : var.subnet_ids[zone]]
  ami_type        = "AL2023_x86_64_STANDARD"
  labels          = each.value.labels

  launch_template {
    id      = aws_launch_template.this[each.key].id
    version = aws_launch_template.this[each.key].latest_version
  }

  # How many there are is decided here and by nobody else: partitions, replicas and workers are counted too.
  scaling_config {
    desired_size = each.value.count
    min_size     = each.value.count
    max_size     = each.value.count
  }

  # One machine of a group at a time, and its pods as their disruption budgets allow.
  update_config {
    max_unavailable = 1
  }

  node_repair_config {
    enabled = true
  }

  dynamic "taint" {
    for_each = each.value.taints

    content {
      key    = taint.key
      value  = taint.value
      effect = "NO_SCHEDULE"
    }
  }

  # Without its policies a node cannot join, and without the network add-on it is never ready.
  depends_on = [aws_iam_role_policy_attachment.node, aws_eks_addon.network]
}
