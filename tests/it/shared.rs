//! Shared by several subjects: processes, servers, proxies, and the tables of a store.

pub mod account;
pub mod broker;
pub mod certificates;
pub mod clients;
pub mod log_suite;
pub mod node;
pub mod pids;
pub mod process;
pub mod proxy;
pub mod proxy_cql;
pub mod raw_log;
pub mod server;
pub mod tables;
