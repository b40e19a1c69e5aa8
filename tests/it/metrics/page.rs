//! `docs/metrics.md` is written from the table. `TICKLINE_WRITE_DOCS=1 cargo test --test metrics page` writes it again.

use tickline::metrics::catalog::{ALL, Kind, Name, Role};

const HEAD: &str = "# Metrics

Every number that `/metrics` tells, as OpenMetrics text. `tickline work --listen HOST:PORT`, `tickline ingest
--listen HOST:PORT` and `tickline dashboard` answer; `prometheus/prometheus.yml` shows how to ask them, and
`prometheus/alerts.yml` when somebody should look.

This page is made from the table in `src/metrics/names.rs`, and a test compares the two. To write it again:
`TICKLINE_WRITE_DOCS=1 cargo test --test metrics page`.

- **As of the durable frontier** means exact: the number is that of the frontier row, the same for every replay of the
  log. It goes on after a restart. Of several processes of workers the first alone tells it; a dashboard reads it in the
  store. So ask with `max(...)`. Every other count begins at 0 with its process.
- **Lag** is `time() - max(tickline_durable_frontier_timestamp_seconds)`, and the age of a checkpoint likewise: a time
  is told as such, so that it stays right when nobody tells it any more.
- **Labels** have few values. No symbol is a label: ask the store, or the HTTP API, for what belongs to a symbol.
- Not told, since it is not cheap to know: how many records of a directory are unread while there are some, how large
  the state of the workers is, and how many symbols are live (`tickline_rows` and the store know more).

";

fn page() -> String {
    let mut text = HEAD.to_owned();
    let parts: [(&str, &[Role]); 5] = [
        ("Every process", &[Role::Work, Role::Ingest, Role::Dashboard]),
        ("Workers and dashboard", &[Role::Work, Role::Dashboard]),
        ("Workers", &[Role::Work]),
        ("Ingest", &[Role::Ingest]),
        ("Dashboard", &[Role::Dashboard]),
    ];
    for (title, roles) in parts {
        text += &format!(
            "## {title}\n\n| metric | type | unit | labels | what it says |\n| --- | --- | --- | --- | --- |\n"
        );
        ALL.iter().filter(|name| name.roles == roles).for_each(|name| text += &line(name));
        text += "\n";
    }
    text.trim_end().to_owned() + "\n"
}

fn line(name: &Name) -> String {
    let kind = match name.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let labels: Vec<_> = name.labels.iter().map(|label| format!("`{label}`")).collect();
    format!("| `{}` | {kind} | {} | {} | {} |\n", name.name, name.unit(), labels.join(", "), name.help())
}

#[test]
fn the_page_is_that_of_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    let page = page();
    assert!(ALL.iter().all(|name| page.contains(&format!("| `{}` |", name.name))), "a metric belongs to no part");
    if std::env::var_os("TICKLINE_WRITE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    assert!(std::fs::read_to_string(path).unwrap() == page, "docs/metrics.md is older than the table: see page.rs");
}
