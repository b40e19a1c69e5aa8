//! Metrics: the table, its page in `docs/`, the alert rules and dashboards that go by it, and a real Prometheus that
//! scrapes every process. Needs `prometheus` and `promtool` (Debian: `prometheus`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod exposition;
mod page;
#[path = "../shared/process.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod process;
mod prometheus;
mod rules;
mod scraped;
