# What may go from node to node: the ports of the pods, since a pod has its node's security group. Nothing else passes
# between machines. NetworkPolicies in k8s/ say which pod may; this is the wall behind them.
locals {
  node_flows = {
    dns_udp          = { protocol = "udp", port = 53, what = "names, asked of CoreDNS" }
    dns_tcp          = { protocol = "tcp", port = 53, what = "names with long answers" }
    kafka            = { protocol = "tcp", port = 9092, what = "Kafka: clients and replicas" }
    kafka_quorum     = { protocol = "tcp", port = 9093, what = "Kafka: its controllers" }
    cassandra        = { protocol = "tcp", port = 9042, what = "Cassandra: clients" }
    cassandra_gossip = { protocol = "tcp", port = 7000, what = "Cassandra: node to node" }
    workers          = { protocol = "tcp", port = 2101, what = "tickline work: process to process" }
    ingest_metrics   = { protocol = "tcp", port = 9100, what = "metrics of tickline ingest" }
    worker_metrics   = { protocol = "tcp", port = 9101, what = "metrics of tickline work" }
    page             = { protocol = "tcp", port = 8080, what = "tickline dashboard: page, API, metrics" }
    grafana          = { protocol = "tcp", port = 3000, what = "Grafana" }
    prometheus       = { protocol = "tcp", port = 9090, what = "Prometheus, asked by Grafana" }
  }
}
