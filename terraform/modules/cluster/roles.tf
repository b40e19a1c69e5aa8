# What control plane and nodes may do in AWS. The nodes' role pulls images and joins the cluster, and no more: what the
# network and disk add-ons need is given to their service accounts.
locals {
  policies = "arn:${var.partition}:iam::aws:policy"

  taken_by = {
    for service in ["eks", "ec2"] : service => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Effect    = "Allow"
        Action    = service == "eks" ? ["sts:AssumeRole", "sts:TagSession"] : ["sts:AssumeRole"]
        Principal = { Service = "${service}.amazonaws.com" }
      }]
    })
  }
}

resource "aws_iam_role" "control_plane" {
  name               = "${var.name}-control-plane"
  assume_role_policy = local.taken_by.eks
}

resource "aws_iam_role_policy_attachment" "control_plane" {
  role       = aws_iam_role.control_plane.name
  policy_arn = "${local.policies}/AmazonEKSClusterPolicy"
}

resource "aws_iam_role_policy" "control_plane_key" {
  name = "encrypt-secrets"
  role = aws_iam_role.control_plane.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["kms:Encrypt", "kms:Decrypt", "kms:ListGrants", "kms:DescribeKey"]
      Resource = var.secrets_key_arn
    }]
  })
}

resource "aws_iam_role" "node" {
  name               = "${var.name}-node"
  assume_role_policy = local.taken_by.ec2
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each = toset(["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"])

  role       = aws_iam_role.node.name
  policy_arn = "${local.policies}/${each.key}"
}
