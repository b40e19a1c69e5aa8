//! The result of `tickline verify` as metrics: in the store, from where the dashboard exports it, and as a file.

use std::collections::BTreeMap;

use crate::metrics::prometheus::get;
use crate::shared::process::Home;

use crate::shared::tables;

/// Values of the metrics of a comparison.
fn values(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("tickline_verify_")?.split_once(' '));
    lines.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
}

fn now_s() -> f64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64()
}

#[test]
fn the_result_is_kept_for_those_who_were_not_there() {
    let home = Home::new();
    home.simulate("trades.jsonl", 20_000, "2024-01-02T14:30:00Z");
    home.ok("import trades.jsonl --log dir:log");
    home.ok("work --log dir:log --store sqlite:rows.db --until-end");
    let mut dashboard = home.start("dashboard --store sqlite:rows.db --listen 127.0.0.1:0");
    let address = dashboard.address_after(" at http://");
    let exported = || values(&get(&address, "/metrics"));
    let file = || values(&std::fs::read_to_string(home.path("verify.prom")).unwrap());
    let verify = "verify --rows --log dir:log --store sqlite:rows.db --metrics-file verify.prom";

    let before = std::fs::read(home.path("rows.db")).unwrap();
    let begun = now_s();
    home.ok(verify);
    assert_eq!(std::fs::read(home.path("rows.db")).unwrap(), before, "without --record the store is only read");
    assert!(exported().is_empty());
    let proved = file();
    let rows: u64 = tables::ROWS
        .iter()
        .map(|table| {
            let sql = format!("SELECT count(*) FROM {table}");
            tables::open(&home.path("rows.db")).query_row(&sql, [], |row| row.get::<_, u64>(0)).unwrap()
        })
        .sum();
    let one = |sql: &str| tables::open(&home.path("rows.db")).query_row(sql, [], |row| row.get::<_, u64>(0)).unwrap();
    assert_eq!([proved["ok"], proved["rows"], proved["missing_records"]], [1.0, rows as f64, 0.0]);
    assert_eq!(proved["frontiers"], (1 + one("SELECT count(*) FROM frontier_history")) as f64);
    assert_eq!(proved["proved_from_timestamp_seconds"], one("SELECT min(frontier) FROM frontier_history") as f64 / 1e3);
    assert_eq!(proved["proved_until_timestamp_seconds"], one("SELECT frontier FROM frontier") as f64 / 1e3);
    assert!((begun..=now_s()).contains(&proved["run_timestamp_seconds"]), "{proved:?}");
    assert_eq!(proved["run_timestamp_seconds"], proved["success_timestamp_seconds"]);

    home.ok(&format!("{verify} --record"));
    let recorded = exported();
    assert!(recorded["success_timestamp_seconds"] > proved["success_timestamp_seconds"]);

    // A difference: the last success stays what it was.
    let changed = tables::change(&home.path("rows.db"), "UPDATE candles_1d SET close = 1.0");
    assert!(changed > 10);
    home.fails(&format!("{verify} --record"), 1, &[&format!("{changed} different")]);
    for (now, before) in [(exported(), &recorded), (file(), &recorded)] {
        let of = |name: &str| (now[name], before[name]);
        assert_eq!((now["ok"], now["rows"]), (0.0, rows as f64));
        for name in ["proved_from_timestamp_seconds", "proved_until_timestamp_seconds"] {
            assert_eq!(of(name).0, of(name).1, "{name}");
        }
        assert!((of("success_timestamp_seconds").0 - of("success_timestamp_seconds").1).abs() < 1.0);
        assert!(now["run_timestamp_seconds"] > now["success_timestamp_seconds"]);
    }
    // One that cannot compare says nothing.
    let kept = exported();
    home.fails(&format!("{verify} --record --allowed-lateness 1s"), 2, &["allowed-lateness"]);
    assert_eq!(exported(), kept);
    let left: Vec<_> = std::fs::read_dir(home.path(".")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".new")), "{left:?}");
    home.fails(&verify.replace("verify.prom", "not/there.prom"), 1, &["cannot write the metrics to not/there.prom"]);
}
