//! What Tickline does with a real Cassandra node and a real broker, when all is well and when little is. One binary, so
//! that one node and one broker serve all of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

mod again;
#[path = "../shared/broker.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod broker;
mod cluster;
mod dump;
#[path = "../pipeline/growing.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod growing;
#[path = "../shared/process.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod home;
mod kills;
#[path = "../shared/node.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod node;
mod node_faults;
#[path = "../shared/pids.rs"]
mod pids;
#[path = "../shared/proxy.rs"]
mod proxy;
#[path = "../shared/proxy_cql.rs"]
mod proxy_cql;
mod proxying;
mod raw;
mod reader;
mod scene;
#[path = "../shared/server.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod server;
mod stage;
mod statements;
mod store_faults;
mod symbols;
#[path = "../shared/tables.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod tables;
mod zombie;
