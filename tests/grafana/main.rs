//! What Grafana is provisioned with, held against what it will meet: a real Cassandra node, the table of metrics, and
//! what its Cassandra plugin can and cannot read.
//!
//! Nothing here knows the code that makes the dashboards. It reads what is committed, and replaces macros and variables
//! as the plugin and the browser do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

mod answer;
mod asked;
mod cassandra;
#[path = "../shared/clients.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod clients;
mod contract;
mod files;
#[path = "../shared/process.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod home;
mod layout;
#[path = "../shared/node.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod node;
#[path = "../shared/pids.rs"]
mod pids;
mod promql;
mod provisioning;
mod reader_role;
mod refused;
mod replace;
mod report;
mod scene;
#[path = "../shared/server.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod server;
mod statement;
