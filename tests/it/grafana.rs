//! What Grafana is provisioned with, held against what it will meet: a real Cassandra node, the table of metrics, and
//! what its Cassandra plugin can and cannot read.
//!
//! Nothing here knows the code that makes the dashboards. It reads what is committed, and replaces macros and variables
//! as the plugin and the browser do.

mod answer;
mod asked;
mod cassandra;
mod contract;
mod files;
mod layout;
mod promql;
mod provisioning;
mod reader_role;
mod refused;
mod replace;
mod report;
mod scene;
mod statement;
