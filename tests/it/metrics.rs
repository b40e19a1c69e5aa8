//! Metrics: the catalog, its page in `docs/`, the alert rules and dashboards that use it, and a real Prometheus that
//! scrapes every process. Needs `prometheus` and `promtool` (Debian: `prometheus`).

mod exposition;
mod page;
pub mod prometheus;
mod rules;
mod scraped;
