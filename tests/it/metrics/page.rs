//! `docs/metrics.md` is generated from the catalog: `TICKLINE_WRITE_DOCS=1 cargo test --test it metrics::page`.

use tickline::metrics::catalog::{ALL, Kind, Metric, Role};

const HEAD: &str = "# Metrics

All metrics of `/metrics`, in OpenMetrics text format. `tickline work`, `tickline ingest` and `tickline dashboard` serve
it with `--listen HOST:PORT`. `prometheus/prometheus.yml` is an example scrape configuration, and
`prometheus/alerts.yml` holds alert rules.

This page is generated from the catalog in `src/metrics/catalog.rs`, and a test compares the two. To regenerate it:
`TICKLINE_WRITE_DOCS=1 cargo test --test it metrics::page`.

- **As of the durable frontier** means exact: the value is that of the frontier row, the same for every replay of the
  log, and continues after a restart. Of several worker processes only the first exports it; dashboards read it from the
  store. Query it with `max(...)`. All other counters start at 0 with their process.
- **Lag** is `time() - max(tickline_durable_frontier_timestamp_seconds)`; the age of a checkpoint is computed in the
  same way. Times are exported rather than ages, so that they stay correct after the process stops exporting them.
- **Of the last comparison** a dashboard exports what `tickline verify --record` has left in the store, and `tickline
  verify --metrics-file PATH` writes a file for a textfile collector, whole or not at all. Both say nothing of a
  comparison that could not be made: the time of the last success grows old.
- **Labels** have few values. Symbols are never labels: query the store or the HTTP API for data of a symbol.
- **Not exported**, because it is expensive to compute: the number of unread records of a directory log (other than 0),
  the size of the workers' state, and the number of live symbols.

";

fn page() -> String {
    let mut text = HEAD.to_owned();
    let parts: [(&str, &[Role]); 6] = [
        ("Every process", &[Role::Work, Role::Ingest, Role::Dashboard]),
        ("Workers and dashboard", &[Role::Work, Role::Dashboard]),
        ("Workers", &[Role::Work]),
        ("Ingest", &[Role::Ingest]),
        ("Dashboard", &[Role::Dashboard]),
        ("Dashboard and verify", &[Role::Dashboard, Role::Verify]),
    ];
    for (title, roles) in parts {
        text += &format!(
            "## {title}\n\n| metric | type | unit | labels | description |\n| --- | --- | --- | --- | --- |\n"
        );
        ALL.iter().filter(|metric| metric.roles == roles).for_each(|metric| text += &line(metric));
        text += "\n";
    }
    text.trim_end().to_owned() + "\n"
}

fn line(metric: &Metric) -> String {
    let kind = match metric.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
    format!("| `{}` | {kind} | {} | {} | {} |\n", metric.name, metric.unit(), labels.join(", "), metric.help())
}

#[test]
fn page_matches_the_catalog() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    let page = page();
    assert!(
        ALL.iter().all(|metric| page.contains(&format!("| `{}` |", metric.name))),
        "a metric is missing on the page"
    );
    if std::env::var_os("TICKLINE_WRITE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    assert!(std::fs::read_to_string(path).unwrap() == page, "docs/metrics.md is out of date: see page.rs");
}
