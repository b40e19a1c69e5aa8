//! Every process, scraped by a real Prometheus: the metrics match the catalog, the values match the store, and an alert
//! fires when a process ends.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

use dataflows::output::counters::Counter;
use tickline::metrics::catalog::{ALL, Kind, Role};
use tickline::store::DurableFrontier;
use tickline::store::address::StoreAddress;
use tickline::time::rfc3339;

use crate::metrics::exposition::{Sample, older, parse};
use crate::metrics::prometheus::{Prometheus, get};
use crate::shared::process::{Home, Running, wait_for};

const JOBS: [(&str, Role); 3] =
    [("tickline-work", Role::Work), ("tickline-ingest", Role::Ingest), ("tickline-dashboard", Role::Dashboard)];

/// The whole pipeline, and the address of each process.
struct Pipeline {
    ingest: Running,
    work: Running,
    _dashboard: Running,
    _simulator: Running,
    /// In the order of [`JOBS`].
    addresses: [String; 3],
}

impl Pipeline {
    fn start(home: &Home) -> Self {
        let line = "simulate --listen 127.0.0.1:0 --seed 7 --activity 20 --fault malformed --fault disconnect-every=4s";
        let mut simulator = home.start(line);
        let feed = simulator.address_after("ws://");
        let line = format!(
            "ingest --log dir:log --source one --symbols AAPL,NVDA,BINANCE:BTCUSDT --url ws://{feed}/ \
         --listen 127.0.0.1:0"
        );
        let mut ingest = home.start_with(&line, &[("FINNHUB_TOKEN", "any")]);
        let ingest_address = ingest.address_after("metrics: http://");
        let line = "work --log dir:log --store sqlite:store.db --listen 127.0.0.1:0 --checkpoint-every 1s --workers 2";
        let mut work = home.start(line);
        let work_address = address_of(&mut work);
        let mut dashboard = home.start("dashboard --store sqlite:store.db --listen 127.0.0.1:0");
        let dashboard_address = dashboard.address_after(" at http://");
        let addresses = [work_address, ingest_address, dashboard_address];
        Self { ingest, work, _dashboard: dashboard, _simulator: simulator, addresses }
    }
}

/// Address of a worker.
fn address_of(work: &mut Running) -> String {
    wait_for("the worker's address", || {
        assert!(work.is_alive(), "{}", work.stderr());
        Some(work.stderr().split_once("metrics: http://")?.1.split_once('/')?.0.to_owned())
    })
}

fn published(home: &Home) -> Option<DurableFrontier> {
    let store: StoreAddress = format!("sqlite:{}", home.path("store.db").display()).parse().unwrap();
    store.open_reader().unwrap().frontier().unwrap()
}

#[test]
fn prometheus_agrees_with_the_store_and_alerts() {
    let home = Home::new();
    let mut pipeline = Pipeline::start(&home);
    let jobs: Vec<_> = JOBS.iter().zip(&pipeline.addresses).map(|((job, _), at)| (*job, at.as_str())).collect();
    let prometheus = Prometheus::start(&home, &jobs);
    wait_for("all targets", || {
        let targets = prometheus.targets();
        (targets.len() == 3 && targets.iter().all(|(_, health, _)| health == "up")).then_some(())
    });
    // A request to count.
    get(&pipeline.addresses[2], "/api/frontier");
    wait_for("a frontier to verify", || published(&home));
    home.ok("verify --record --log dir:log --store sqlite:store.db");
    for ((_, role), address) in JOBS.iter().zip(&pipeline.addresses) {
        matches_the_catalog(*role, address);
    }
    assert!(!prometheus.firing().contains(&"TicklineTargetDown".to_owned()));

    wait_for("trades and a gap", || {
        let value = |name: &str| prometheus.query(&format!("{name}{{job='tickline-work'}}")).first().copied();
        (value("tickline_trades_total")? > 100.0 && value("tickline_gaps_total")? > 0.0).then_some(())
    });
    pipeline.ingest.terminate();
    pipeline.ingest.end("the ingest").is(0, &[]);
    agrees_with_the_store(&home, &prometheus);
    wait_for("the alert that nothing is read any more", || {
        let firing = prometheus.firing();
        (firing.contains(&"TicklineReadsNothing".to_owned()) && firing.contains(&"TicklineFrontierStalled".to_owned()))
            .then_some(())
    });
    assert_eq!(prometheus.query("up{job='tickline-work'}"), [1.0]);
    pipeline.work.terminate();
    wait_for("the worker's target to be down", || {
        (prometheus.query("ALERTS{alertname='TicklineTargetDown',alertstate='firing',job='tickline-work'}") == [1.0])
            .then_some(())
    });

    assert!(prometheus.query("count(tickline_build_info)") == [1.0], "the dashboard alone is left");
    let refused =
        ["sample_duplicate_timestamp", "sample_out_of_order", "sample_out_of_bounds", "exceeded_sample_limit"];
    for what in refused {
        assert_eq!(prometheus.own(&format!("prometheus_target_scrapes_{what}_total")), 0.0, "{what}");
    }
    assert_eq!(prometheus.warnings(), [""; 0]);
}

#[test]
fn counters_never_decrease_while_catching_up() {
    let home = Home::new();
    home.simulate("trades.jsonl", 300_000, "2024-01-02T14:30:00Z");
    home.ok("import trades.jsonl --log dir:log");
    // Without a checkpoint, so that the next run starts at the first record.
    home.ok("work --log dir:log --store sqlite:store.db --until-end");
    let before = published(&home).unwrap().row;
    let frontier = rfc3339(before.frontier);
    home.ok(&format!("checkpoint drop {frontier} --store sqlite:store.db"));
    // It goes in steps of a second of event time, so it stays behind the published frontier for long enough.
    let mut work = home.start("work --log dir:log --store sqlite:store.db --read-ahead 0s --listen 127.0.0.1:0");
    let address = address_of(&mut work);
    let text = wait_for("a frontier of the second run", || {
        let text = get(&address, "/metrics");
        let is_frontier_write =
            |sample: &Sample| sample.name.ends_with("_count") && sample.labels.values().any(|l| l == "frontier");
        parse(&text).samples.iter().any(|sample| is_frontier_write(sample) && sample.value > 0.0).then_some(text)
    });
    let value = |name: &str| parse(&text).samples.into_iter().find(|sample| sample.name == name).unwrap().value;
    let frontier = before.frontier as f64 / 1e3;
    assert!(value("tickline_read_frontier_timestamp_seconds") < frontier, "it is behind: {text}");
    assert_eq!(value("tickline_durable_frontier_timestamp_seconds"), frontier);
    assert_eq!(value("tickline_trades_total"), before.counter(Counter::Trades) as f64);
    assert_eq!(value("tickline_rows"), before.rows as f64);
}

/// Exactly the catalog's metrics of this role are exported, each with its type and labels, and the output passes
/// `promtool check metrics`.
fn matches_the_catalog(role: Role, address: &str) {
    let wanted: BTreeMap<&str, _> = ALL.iter().filter(|n| n.roles.contains(&role)).map(|n| (n.name, n)).collect();
    let mut missing = BTreeSet::new();
    let text = wait_for("all metrics of a role", || {
        let text = get(address, "/metrics");
        let exported: BTreeSet<String> =
            parse(&text).samples.into_iter().map(|sample| stem(&sample.name).to_owned()).collect();
        missing = wanted.keys().filter(|name| !exported.contains(**name)).map(|name| (*name).to_owned()).collect();
        missing.is_empty().then_some(text)
    });
    let answer = parse(&text);
    for sample in &answer.samples {
        let name = wanted.get(stem(&sample.name)).unwrap_or_else(|| panic!("{} is not in the catalog", sample.name));
        let labels: BTreeSet<&str> = sample.labels.keys().map(String::as_str).filter(|label| *label != "le").collect();
        assert_eq!(labels, name.labels.iter().copied().collect(), "{sample:?}");
        assert!(sample.value.is_finite() && sample.value >= 0.0, "{sample:?}");
        let kind = match name.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // OpenMetrics gives the type of a counter under its name without `_total`.
        let family = name.name.strip_suffix("_total").unwrap_or(name.name);
        assert_eq!(answer.types.get(family).map(String::as_str), Some(kind), "{family}");
    }
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = promtool.spawn().expect("promtool cannot be started: install Debian's package prometheus");
    promtool.stdin.take().unwrap().write_all(older(&text).as_bytes()).unwrap();
    let checked = promtool.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
    assert!(checked.status.success() && said.is_empty(), "{role:?}: {said}");
}

/// A series' metric: parts of a histogram belong to it.
fn stem(series: &str) -> &str {
    let parts = ["_bucket", "_sum", "_count"].iter().filter_map(|part| series.strip_suffix(part));
    let is_histogram = |stem: &&str| ALL.iter().any(|n| n.name == *stem && n.kind == Kind::Histogram);
    parts.into_iter().find(is_histogram).unwrap_or(series)
}

/// The ingest has ended, so the frontier stops: then Prometheus has the values of the frontier row, from the worker and
/// from the dashboard. Records after the last progress, such as `bye`, are not in that row.
fn agrees_with_the_store(home: &Home, prometheus: &Prometheus) {
    let counters = [
        ("tickline_trades_total", Counter::Trades),
        ("tickline_late_trades_total", Counter::Late),
        ("tickline_progress_records_total", Counter::Progress),
        ("tickline_gaps_total", Counter::Gaps),
    ];
    let log = std::fs::read_dir(home.path("log")).unwrap().map(|file| file.unwrap().path());
    let partitions = log.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    let lines: usize = partitions.map(|path| std::fs::read_to_string(path).unwrap().lines().count()).sum();
    let row = wait_for("the same numbers in the store and in Prometheus", || {
        let row = published(home)?.row;
        let mut wanted: Vec<(String, f64)> =
            counters.iter().map(|(name, counter)| ((*name).to_owned(), row.counter(*counter) as f64)).collect();
        let refused = Counter::all().filter(|counter| matches!(counter, Counter::Rejected(_)));
        wanted.push(("sum by (job) (tickline_rejected_total)".into(), refused.map(|t| row.counter(t) as f64).sum()));
        wanted.push(("tickline_rows".into(), row.rows as f64));
        wanted.push(("tickline_durable_frontier_timestamp_seconds".into(), row.frontier as f64 / 1e3));
        // Two of them: the worker and the dashboard.
        let agrees = |(name, value): &(String, f64)| prometheus.query(name) == [*value, *value];
        let is_read = prometheus.query("sum(tickline_partition_offset)") == [lines as f64];
        (is_read && wanted.iter().all(agrees)).then_some(row)
    });
    assert!(row.counter(Counter::Trades) > 100 && row.counter(Counter::Gaps) > 0, "{row:?}");
    assert!(row.rows > 0 && row.counter(Counter::Progress) > 0, "{row:?}");
    assert_eq!(prometheus.query("tickline_records_read_total"), [lines as f64]);
    assert_eq!(prometheus.query("max(tickline_partition_unread_records)"), [0.0]);
    assert_eq!(prometheus.query("tickline_epoch"), [1.0, 1.0]);
}
