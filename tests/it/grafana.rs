//! Grafana's provisioning, checked against a real Cassandra node, the metric catalog, and the limits of the Cassandra
//! plugin.
//!
//! Independent of the code that generates the dashboards: it reads the committed files, and replaces macros and
//! variables as the plugin and the browser do.

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
