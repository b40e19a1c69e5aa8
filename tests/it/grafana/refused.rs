//! Tests of the rules: queries that the plugin would reject or show wrongly are detected.

use serde_json::json;

use crate::grafana::answer::Asking;
use crate::grafana::asked::Way;
use crate::grafana::contract::{of_answer, of_model, of_statement, of_text};
use crate::grafana::scene::past;
use crate::shared::node::shared;

const ALERT: Way = Way::Alert { back_s: 600 };

fn refuses(wrong: &[String], word: &str) {
    assert!(wrong.iter().any(|line| line.contains(word)), "{word:?} is not among {wrong:?}");
}

#[test]
fn unsupported_texts_are_detected() {
    let good = "SELECT symbol, window_start, close FROM candles_1d WHERE symbol = 'A' AND window_start > $__timeFrom";
    assert_eq!(of_text(good, Way::Browser), [""; 0]);
    assert_eq!(of_text(good, ALERT), [""; 0]);
    refuses(&of_text(&good.replace("SELECT ", "SELECT\n"), Way::Browser), "SELECT and a space");
    refuses(&of_text(&good.replace("$__timeFrom", "$__timeFrom()"), Way::Browser), "brackets");
    refuses(&of_text(&format!("{good} ALLOW FILTERING"), Way::Browser), "filters");
    refuses(&of_text(&format!("{good}; SELECT key FROM system.local"), Way::Browser), "more than one");
    for name in ["$__interval_ms", "${__from}", "$symbol"] {
        let text = good.replace("$__timeFrom", name);
        assert_eq!(of_text(&text, Way::Browser), [""; 0], "a browser replaces {name}");
        refuses(&of_text(&text, ALERT), "only a browser");
    }
}

#[test]
fn invalid_models_are_detected() {
    let source = json!({ "type": "hadesarchitect-cassandra-datasource", "uid": "cassandra" });
    let good = json!({ "refId": "A", "datasource": source, "queryType": "query", "rawQuery": true, "target": "" });
    assert_eq!(of_model(&good, Way::Browser), [""; 0]);
    refuses(&of_model(&good, ALERT), "queryType");
    for (field, value, word) in [
        ("queryType", json!(""), "queryType"),
        ("rawQuery", json!(false), "raw"),
        ("columnTime", json!("window_start"), "configurator"),
        ("datasource", json!({ "type": "prometheus" }), "another data source"),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        refuses(&of_model(&bad, Way::Browser), word);
    }
}

#[test]
fn too_broad_statements_are_detected() {
    let keys = ["symbol".to_owned(), "bucket".to_owned()];
    let of = |statement: &str| of_statement(statement, &keys, 1);
    assert_eq!(of("SELECT a FROM t WHERE symbol = 'A' AND bucket IN (1, 2)"), [""; 0]);
    assert_eq!(of("SELECT a FROM t PER PARTITION LIMIT 1 LIMIT 500"), [""; 0]);
    refuses(&of("SELECT a FROM t WHERE symbol = 'A' AND w > 1"), "bucket");
    refuses(&of("SELECT a FROM t WHERE symbol = '$symbol' AND bucket = 1"), "replaces");
    refuses(&of(&format!("SELECT a FROM t WHERE symbol = 'A' AND bucket IN ({})", ["1"; 13].join(", "))), "touches");
    for scan in ["", " LIMIT 5", " PER PARTITION LIMIT 1", " PER PARTITION LIMIT 1 LIMIT 501"] {
        refuses(&of(&format!("SELECT a FROM t{scan}")), "whole table");
    }
}

#[test]
fn unreadable_results_are_detected() {
    let asking = Asking::connect(&shared().address, &past().keyspace);
    asking.run(
        "CREATE TABLE strange (id text PRIMARY KEY, n smallint, at timestamp, v double, many list<text>, whole varint)",
    );
    asking.run("INSERT INTO strange (id, n, at, v, many, whole) VALUES ('a', 1, 5, 0.5, ['x'], 7)");
    let of = |columns: &str| of_answer(&asking.ask(&format!("SELECT {columns} FROM strange")).unwrap());
    assert_eq!(of("id, at, v, n"), [""; 0]);
    for (columns, word) in [
        ("id, at, CAST(v AS decimal) AS v", "cannot read v"),
        ("id, at, v, many", "cannot read many"),
        ("id, at, v, whole", "cannot read whole"),
        ("n, at, v", "not a text"),
        ("id, v", "no timestamp"),
        ("id, at", "no number"),
    ] {
        refuses(&of(columns), word);
    }
    let mut answer = asking.ask("SELECT id, at, v FROM strange").unwrap();
    answer.rows.push(answer.rows[0].clone());
    refuses(&of_answer(&answer), "twice");
    asking.run("INSERT INTO strange (id, at) VALUES ('b', 6)");
    refuses(&of("id, at, v"), "v is null");
    asking.run("TRUNCATE strange");
    refuses(&of("id, at, v"), "no rows");
    // The node itself does not know macros with brackets.
    assert!(asking.ask("SELECT id, at, v FROM strange WHERE id = 'a' AND at > 5()").is_err());
}

#[test]
fn unordered_series_is_detected() {
    let asking = Asking::connect(&shared().address, &past().keyspace);
    asking.run("CREATE TABLE disordered (id text, k bigint, at timestamp, v double, PRIMARY KEY (id, k))");
    // Of 200 rows Grafana looks at each fourth: all are in order but one that lies between two looks.
    for k in 0..200_i64 {
        let at = if k == 101 { 5 } else { (k + 10) * 1_000 };
        asking.run(&format!("INSERT INTO disordered (id, k, at, v) VALUES ('a', {k}, {at}, 1.0)"));
    }
    let ascending = asking.ask("SELECT id, at, v FROM disordered WHERE id = 'a'").unwrap();
    refuses(&of_answer(&ascending), "no order");
    let newest_first = asking.ask("SELECT id, at, v FROM disordered WHERE id = 'a' ORDER BY k DESC").unwrap();
    assert_eq!(of_answer(&newest_first), [""; 0], "Grafana sees it, and sorts");
}
