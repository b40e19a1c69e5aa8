//! `tickline bench`, over feeds so small that only its shape counts.

use serde_json::Value;

use crate::shared::process::Home;

fn runs(home: &Home, line: &str) -> Vec<Value> {
    serde_json::from_str(&home.ok(line)).unwrap()
}

#[test]
fn every_run_is_measured_and_comes_to_the_same_rows() {
    let home = Home::new();
    let runs = runs(&home, "bench --feed dense,sparse --trades 30000 --workers 1,3 --format json");
    let of = |run: &Value| (run["feed"].as_str().unwrap().to_owned(), run["workers"].as_u64().unwrap());
    let expected = [("dense", 1), ("dense", 3), ("sparse", 1), ("sparse", 3)];
    assert_eq!(runs.iter().map(of).collect::<Vec<_>>(), expected.map(|(feed, workers)| (feed.to_owned(), workers)));
    runs.chunks(2).for_each(|pair| assert_eq!(pair[0]["digest"], pair[1]["digest"]));
    assert_ne!(runs[0]["digest"], runs[2]["digest"]);
    for run in &runs {
        assert!(run["seconds"].as_f64().unwrap() > 0.0 && run["peak_bytes"].as_u64().unwrap() > 10 << 20, "{run}");
        assert!(run["user_seconds"].as_f64().unwrap() >= 0.0, "{run}");
    }
    let table = home.ok("bench --feed late --trades 1000 --workers 1");
    assert!(table.starts_with("feed  processes  workers  seconds  M trades/s") && table.contains("\nlate "), "{table}");
}

#[test]
fn a_log_is_measured_as_it_is() {
    let home = Home::new();
    home.simulate("trades.jsonl", 2_000, "2024-06-03T13:30:00Z");
    home.ok("import trades.jsonl --log dir:log");
    let runs = runs(&home, "bench --log dir:log --workers 2 --format json");
    let replayed = home.ok("replay --log dir:log");
    let digest = runs[0]["digest"].as_str().unwrap();
    assert!(replayed.lines().last().unwrap().contains(digest) && runs[0]["trades"].is_null(), "{runs:?}");
    home.fails("bench --log dir:nowhere --workers 1", 1, &["nowhere"]);
    home.fails("bench --log dir:log --trades 5", 2, &["cannot be used with"]);
}

#[test]
fn stores_and_processes_come_to_the_same_rows() {
    let home = Home::new();
    let of = |options: &str| runs(&home, &format!("bench --feed dense --trades 20000 --format json {options}"));
    let replayed = of("--workers 2");
    let kept = of("--workers 1 --store sqlite");
    let several = of("--workers 1,2 --processes 2,3");
    let shape = |run: &Value| (run["processes"].as_u64().unwrap(), run["workers"].as_u64().unwrap());
    assert_eq!(several.iter().map(shape).collect::<Vec<_>>(), [(2, 1), (2, 2), (3, 1), (3, 2)]);
    kept.iter().chain(&several).for_each(|run| assert_eq!(run["digest"], replayed[0]["digest"], "{run}"));
    assert_ne!(of("--workers 1 --symbols 7")[0]["digest"], replayed[0]["digest"]);
    home.fails("bench --store sqlite:a.db", 2, &["expected none, sqlite or cassandra://HOST:PORT"]);
    home.fails(
        "bench --store sqlite --processes 2 --feed dense --trades 10 --workers 1",
        1,
        &["serves a single process"],
    );
}
