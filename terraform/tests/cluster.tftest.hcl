# The cluster: control plane, nodes, add-ons and the exact flows between them.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name               = "tickline"
  kubernetes_version = "1.35"
  partition          = "aws"
  vpc_id             = "vpc-1"
  subnet_ids         = { a = "subnet-a", b = "subnet-b", c = "subnet-c" }
  node_groups = {
    stateful-0 = {
      role   = "stateful", zones = ["b"], instance_type = "r7i.xlarge", count = 1, disk_gib = 50
      labels = { "tickline/role" = "stateful" }, taints = { "tickline/role" = "stateful" }
    }
    stateless = {
      role   = "stateless", zones = ["a", "b", "c"], instance_type = "m7i.xlarge", count = 3, disk_gib = 40
      labels = { "tickline/role" = "stateless" }, taints = {}
    }
  }
  node_flows = {
    kafka   = { protocol = "tcp", port = 9092, what = "Kafka" }
    dns_udp = { protocol = "udp", port = 53, what = "names" }
  }
  api_cidrs          = ["203.0.113.7/32"]
  administrators     = ["arn:aws:iam::123456789012:role/operators"]
  secrets_key_arn    = "arn:aws:kms:us-east-1:123456789012:key/secrets"
  volume_key_arn     = "arn:aws:kms:us-east-1:123456789012:key/volumes"
  log_group_name     = "/aws/eks/tickline/cluster"
  log_retention_days = 30
  log_key_arn        = "arn:aws:kms:us-east-1:123456789012:key/logs"
}

run "cluster" {
  module {
    source = "./modules/cluster"
  }

  assert {
    condition = alltrue([
      aws_eks_cluster.this.vpc_config[0].endpoint_private_access,
      aws_eks_cluster.this.vpc_config[0].endpoint_public_access,
      aws_eks_cluster.this.vpc_config[0].public_access_cidrs == toset(["203.0.113.7/32"]),
      aws_eks_cluster.this.vpc_config[0].security_group_ids == toset([aws_security_group.control_plane.id]),
    ])
    error_message = "the API answers to named addresses only"
  }

  assert {
    condition = alltrue([
      aws_eks_cluster.this.encryption_config[0].provider[0].key_arn == var.secrets_key_arn,
      toset(aws_eks_cluster.this.encryption_config[0].resources) == toset(["secrets"]),
      aws_eks_cluster.this.access_config[0].authentication_mode == "API",
      aws_eks_cluster.this.upgrade_policy[0].support_type == "STANDARD",
      aws_eks_cluster.this.bootstrap_self_managed_addons == false,
    ])
    error_message = "secrets are encrypted with our key, and only IAM lets people in"
  }

  assert {
    condition = (
      length(aws_eks_cluster.this.enabled_cluster_log_types) == 5 &&
      aws_cloudwatch_log_group.control_plane.name == "/aws/eks/${aws_eks_cluster.this.name}/cluster" &&
      aws_cloudwatch_log_group.control_plane.retention_in_days == 30 &&
      aws_cloudwatch_log_group.control_plane.kms_key_id == var.log_key_arn
    )
    error_message = "all five logs of the control plane are kept, in the group that EKS writes to"
  }

  assert {
    condition = (
      keys(aws_eks_access_policy_association.administrator) == ["arn:aws:iam::123456789012:role/operators"] &&
      aws_eks_access_policy_association.administrator["arn:aws:iam::123456789012:role/operators"].policy_arn ==
      "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
    )
    error_message = "administrators are those that are named"
  }

  assert {
    condition = alltrue([
      for key, group in aws_eks_node_group.this :
      group.scaling_config[0].desired_size == var.node_groups[key].count &&
      group.launch_template[0].version == "7" &&
      aws_launch_template.this[key].instance_type == var.node_groups[key].instance_type &&
      group.labels == var.node_groups[key].labels &&
      group.launch_template[0].id == aws_launch_template.this[key].id &&
      group.node_role_arn == aws_iam_role.node.arn
    ]) && length(aws_eks_node_group.this) == 2
    error_message = "nodes are as many, of the kind and with the labels that the size says"
  }

  assert {
    condition = (
      aws_eks_node_group.this["stateful-0"].subnet_ids == toset(["subnet-b"]) &&
      aws_eks_node_group.this["stateless"].subnet_ids == toset(["subnet-a", "subnet-b", "subnet-c"]) &&
      [for taint in aws_eks_node_group.this["stateful-0"].taint : [taint.key, taint.value, taint.effect]] ==
      [["tickline/role", "stateful", "NO_SCHEDULE"]] &&
      length(aws_eks_node_group.this["stateless"].taint) == 0
    )
    error_message = "stateful nodes stand in their zone and bear the taint; stateless ones do neither"
  }

  assert {
    condition = alltrue([
      for key, template in aws_launch_template.this :
      template.metadata_options[0].http_tokens == "required" &&
      template.metadata_options[0].http_put_response_hop_limit == 1 &&
      template.block_device_mappings[0].ebs[0].encrypted == "true" &&
      template.block_device_mappings[0].ebs[0].kms_key_id == var.volume_key_arn &&
      template.block_device_mappings[0].ebs[0].volume_size == var.node_groups[key].disk_gib &&
      template.vpc_security_group_ids == toset([aws_security_group.node.id])
    ])
    error_message = "IMDSv2 alone, for the machine alone; disks encrypted with our key; one security group"
  }

  assert {
    # Everything that may come in, as FROM -> TO protocol port-port.
    condition = toset([
      for rule in concat(
        values(aws_vpc_security_group_ingress_rule.node),
        [aws_vpc_security_group_ingress_rule.api, aws_vpc_security_group_ingress_rule.kubelet],
        ) : join(" ", [
          lookup({
            (aws_security_group.node.id) = "node", (aws_security_group.control_plane.id) = "control"
          }, coalesce(rule.referenced_security_group_id, "anyone"), "anyone"),
          lookup({
            (aws_security_group.node.id) = "node", (aws_security_group.control_plane.id) = "control"
          }, rule.security_group_id, "anyone"),
          rule.ip_protocol, "${rule.from_port}-${rule.to_port}", rule.cidr_ipv4 == null ? "" : rule.cidr_ipv4,
      ])
      ]) == toset([
      "node node tcp 9092-9092 ", "node node udp 53-53 ", "node control tcp 443-443 ", "control node tcp 10250-10250 ",
    ])
    error_message = "what may come in differs from the flows"
  }

  assert {
    condition = (
      aws_vpc_security_group_egress_rule.tls.cidr_ipv4 == "0.0.0.0/0" &&
      aws_vpc_security_group_egress_rule.tls.from_port == 443 &&
      aws_vpc_security_group_egress_rule.tls.to_port == 443 &&
      aws_vpc_security_group_egress_rule.tls.ip_protocol == "tcp" &&
      alltrue([
        for key, rule in aws_vpc_security_group_egress_rule.node :
        rule.referenced_security_group_id == aws_security_group.node.id && rule.cidr_ipv4 == null &&
        rule.from_port == var.node_flows[key].port && rule.to_port == var.node_flows[key].port
      ]) &&
      aws_vpc_security_group_egress_rule.kubelet.referenced_security_group_id == aws_security_group.node.id
    )
    error_message = "out of the network goes TLS, and nothing else"
  }

  assert {
    condition = (
      aws_eks_addon.network.addon_name == "vpc-cni" && aws_eks_addon.proxy.addon_name == "kube-proxy" &&
      aws_eks_addon.names.addon_name == "coredns" && aws_eks_addon.disks.addon_name == "aws-ebs-csi-driver" &&
      jsondecode(aws_eks_addon.network.configuration_values).enableNetworkPolicy == "true" &&
      aws_eks_addon.network.service_account_role_arn == module.network_role.role_arn &&
      aws_eks_addon.disks.service_account_role_arn == module.disk_role.role_arn
    )
    error_message = "the add-ons are these, with roles of their own, and NetworkPolicies are enforced"
  }

  assert {
    condition = (
      keys(aws_iam_role_policy_attachment.node) ==
      ["AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodePolicy"]
    )
    error_message = "nodes may join and pull, and no more"
  }

  assert {
    condition = (
      aws_iam_openid_connect_provider.this.url == "https://oidc.example/id/A" &&
      local.oidc_issuer == "oidc.example/id/A" &&
      aws_iam_openid_connect_provider.this.client_id_list == toset(["sts.amazonaws.com"])
    )
    error_message = "the identity provider is that of the cluster"
  }
}

run "an_api_within_the_network" {
  command = plan

  module {
    source = "./modules/cluster"
  }

  variables {
    api_cidrs = []
  }

  assert {
    condition = (
      !aws_eks_cluster.this.vpc_config[0].endpoint_public_access &&
      aws_eks_cluster.this.vpc_config[0].endpoint_private_access
    )
    error_message = "without addresses the API answers within the network only"
  }
}

run "refused" {
  command = plan

  module {
    source = "./modules/cluster"
  }

  variables {
    kubernetes_version = "1.29"
    api_cidrs          = ["0.0.0.0/0"]
    administrators     = ["operators"]
    node_flows         = { all = { protocol = "-1", port = 0, what = "everything" } }
  }

  expect_failures = [var.kubernetes_version, var.api_cidrs, var.administrators, var.node_flows]
}

run "addresses_that_are_none_are_refused" {
  command = plan

  module {
    source = "./modules/cluster"
  }

  variables {
    api_cidrs = ["my-house"]
  }

  expect_failures = [var.api_cidrs]
}

run "a_stateful_group_over_two_zones_is_refused" {
  command = plan

  module {
    source = "./modules/cluster"
  }

  variables {
    node_groups = {
      stateful = {
        role   = "stateful", zones = ["a", "b"], instance_type = "m7i.large", count = 2, disk_gib = 30
        labels = {}, taints = { a = "b" }
      }
      stateless = {
        role   = "stateless", zones = ["a"], instance_type = "m7i.large", count = 1, disk_gib = 30
        labels = {}, taints = {}
      }
    }
  }

  expect_failures = [var.node_groups]
}

run "nodes_with_taints_alone_are_refused" {
  command = plan

  module {
    source = "./modules/cluster"
  }

  variables {
    node_groups = {
      stateful = {
        role   = "stateful", zones = ["a"], instance_type = "m7i.large", count = 1, disk_gib = 30
        labels = {}, taints = { a = "b" }
      }
    }
  }

  expect_failures = [var.node_groups]
}

run "nodes_without_room_are_refused" {
  command = plan

  module {
    source = "./modules/cluster"
  }

  variables {
    node_groups = {
      stateless = {
        role   = "stateless", zones = ["a"], instance_type = "m7i.large", count = 1, disk_gib = 8
        labels = {}, taints = {}
      }
    }
  }

  expect_failures = [var.node_groups]
}
