# The exact flows. Between the nodes those of the layout; between nodes and control plane the API and the kubelets; out
# of the network TLS only: registries, AWS itself, and the feed. The network's own name server and clock need no rule.
resource "aws_security_group" "control_plane" {
  name        = "${var.name}-control-plane"
  description = "The control plane's ends in this network"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-control-plane" }
}

resource "aws_security_group" "node" {
  name        = "${var.name}-node"
  description = "Nodes, and the pods on them"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-node" }
}

resource "aws_vpc_security_group_ingress_rule" "api" {
  security_group_id            = aws_security_group.control_plane.id
  referenced_security_group_id = aws_security_group.node.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  description                  = "The API, asked by nodes and pods"
}

resource "aws_vpc_security_group_egress_rule" "kubelet" {
  security_group_id            = aws_security_group.control_plane.id
  referenced_security_group_id = aws_security_group.node.id
  ip_protocol                  = "tcp"
  from_port                    = 10250
  to_port                      = 10250
  description                  = "Kubelets: logs, exec, port-forward"
}

resource "aws_vpc_security_group_ingress_rule" "kubelet" {
  security_group_id            = aws_security_group.node.id
  referenced_security_group_id = aws_security_group.control_plane.id
  ip_protocol                  = "tcp"
  from_port                    = 10250
  to_port                      = 10250
  description                  = "Kubelets: logs, exec, port-forward"
}

resource "aws_vpc_security_group_ingress_rule" "node" {
  for_each = var.node_flows

  security_group_id            = aws_security_group.node.id
  referenced_security_group_id = aws_security_group.node.id
  ip_protocol                  = each.value.protocol
  from_port                    = each.value.port
  to_port                      = each.value.port
  description                  = each.value.what
}

resource "aws_vpc_security_group_egress_rule" "node" {
  for_each = var.node_flows

  security_group_id            = aws_security_group.node.id
  referenced_security_group_id = aws_security_group.node.id
  ip_protocol                  = each.value.protocol
  from_port                    = each.value.port
  to_port                      = each.value.port
  description                  = each.value.what
}

resource "aws_vpc_security_group_egress_rule" "tls" {
  security_group_id = aws_security_group.node.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  description       = "The API, registries, AWS, the feed: TLS only"
}
