//! Rejected records can be listed, exported, corrected and imported again.

use serde_json::Value;

use crate::shared::process::Home;
use crate::shared::tables;

const T0: u64 = 1_700_000_000_000;
/// More than one page of rows read from the store.
const UNTIMED: u64 = 300;

/// A store over one partition in which everything except two trades is rejected.
fn home() -> Home {
    let home = Home::new();
    let good = format!(r#"{{"c":null,"p":2,"s":"X:GOOD","t":{T0},"v":3}}"#);
    let mut file: Vec<Vec<u8>> = vec![good.clone().into_bytes()];
    file.extend((0..UNTIMED).map(|n| format!(r#"{{"p":{},"s":"X:FIXED","v":1}}"#, n + 1).into_bytes()));
    file.push(b"\xff\xfe{".to_vec());
    file.push(b"a,\"b\"\x1b[2J".to_vec());
    file.push(vec![b'x'; 70_000]);
    file.push(format!(r#"{{"type":"trade","data":[{good},{{"s":"X:FRAME"}}, 7]}}"#).into_bytes());
    home.write("trades.jsonl", file.join(&b'\n'));
    home.ok("import trades.jsonl --log dir:log --partitions 1");
    home.ok("work --log dir:log --store sqlite:rows.db --until-end");
    home
}

/// Place, reason and length of all rows in SQLite.
fn stored(home: &Home) -> Vec<(u64, u64, u64, String, u64)> {
    let store = tables::open(&home.path("rows.db"));
    let sql = "SELECT log_partition, log_offset, item, reason, original_bytes_total FROM rejected ORDER BY 1, 2, 3";
    let mut statement = store.prepare(sql).unwrap();
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?));
    statement.query_map([], row).unwrap().map(|row| row.unwrap()).collect()
}

fn listed(row: &Value) -> (u64, u64, u64, String, u64) {
    let number = |name: &str| row[name].as_u64().unwrap();
    let reason = row["reason"].as_str().unwrap().to_string();
    (number("partition"), number("offset"), number("index"), reason, number("original_bytes_total"))
}

fn list(home: &Home, words: &str) -> String {
    home.ok(&format!("rejected list --store sqlite:rows.db {words}"))
}

fn list_json(home: &Home, words: &str) -> Vec<Value> {
    serde_json::from_str(&list(home, &format!("--format json {words}"))).unwrap()
}

#[test]
fn every_format_lists_all_records() {
    let home = home();
    let stored = stored(&home);
    assert_eq!(stored.len() as u64, UNTIMED + 5);
    let json = list_json(&home, "");
    assert_eq!(json.iter().map(listed).collect::<Vec<_>>(), stored);
    let tail = &json[UNTIMED as usize..];
    assert_eq!((&tail[0]["original_base64"], &tail[0]["original"]), (&"//57".into(), &Value::Null));
    assert_eq!(tail[1]["original"], "a,\"b\"\u{1b}[2J");
    assert_eq!(tail[2]["original"].as_str().unwrap().len(), 65_536);
    assert_eq!(json[0]["original"], r#"{"p":1,"s":"X:FIXED","v":1}"#);

    let csv = list(&home, "--format csv");
    assert_eq!(csv.lines().count(), 1 + stored.len());
    assert!(csv.starts_with("partition,offset,index,reason,as_of_ms,original_bytes_total,encoding,original\n"));
    assert!(csv.contains(",bad_json,1700000000000,3,base64,//57\n"), "{csv}");
    // `a,"b"` and a terminal command, which a text cell would change.
    assert!(csv.contains(",9,base64,YSwiYiIbWzJK\n"), "{csv}");

    let ended = home.run("rejected list --store sqlite:rows.db");
    ended.is(0, &["only the first 50 are shown"]);
    assert_eq!(ended.stdout.lines().count(), 1 + 50);
    let table = list(&home, "--limit 1000");
    assert_eq!(table.lines().count(), 1 + stored.len());
    assert!(!table.contains('\u{1b}'), "a terminal would interpret it");
}

#[test]
fn filters_by_reason_place_and_limit() {
    let home = home();
    let stored = stored(&home);
    let of = |words: &str| list_json(&home, words).iter().map(listed).collect::<Vec<_>>();
    let bad_json: Vec<_> = stored.iter().filter(|row| row.3 == "bad_json").cloned().collect();
    assert_eq!(of("--reason bad_json"), bad_json);
    assert_eq!(bad_json.len(), 4);
    assert_eq!(of("--limit 200"), stored[..200]);
    assert_eq!(of(&format!("--partition 0 --from-offset {}", stored[100].1)), stored[100..]);
    assert_eq!(of("--partition 1"), []);
    home.run("rejected list --store sqlite:rows.db --partition 1").is(0, &["no matching rejected records"]);
    home.fails("rejected list --store sqlite:rows.db --reason worse", 2, &["bad_json", "beyond_allowed_lateness"]);
    home.fails("rejected list --store sqlite:none.db", 2, &["none.db"]);
}

#[test]
fn status_counts_and_links_rejected_records() {
    let home = home();
    let table = home.ok("status --store sqlite:rows.db");
    let look = "tickline rejected list --store sqlite:rows.db --reason missing_field";
    let line = table.lines().find(|line| line.starts_with("missing_field")).unwrap();
    assert!(line.contains(" 301 ") && line.ends_with(look), "{table}");
    assert_eq!(table.matches("bad_json").count(), 2, "the count and the command, once each: {table}");
    let json: Value = serde_json::from_str(&home.ok("status --store sqlite:rows.db --format json")).unwrap();
    let counts = json["rejected"].as_array().unwrap().iter().map(|r| (r["reason"].as_str(), r["count"].as_u64()));
    assert_eq!(counts.collect::<Vec<_>>(), [(Some("bad_json"), Some(4)), (Some("missing_field"), Some(301))]);
    assert_eq!(json["rejected"][1]["command"], look);
    // The suggested command works.
    let shown = home.ok(look.strip_prefix("tickline ").unwrap());
    assert!(shown.contains("X:FIXED"), "{shown}");
}

#[test]
fn export_can_be_corrected_and_imported() {
    let home = home();
    let ended = home.run("rejected export --store sqlite:rows.db --output all.jsonl");
    ended.is(0, &["305 records"]);
    let export = std::fs::read_to_string(home.path("all.jsonl")).unwrap();
    let lines: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, list_json(&home, ""));
    let printed = home.ok("rejected export --store sqlite:rows.db --output - --reason bad_json");
    assert_eq!(printed.lines().count(), 4);
    home.fails("rejected export --store sqlite:rows.db --output no/such/folder", 1, &["no/such/folder"]);

    let ended = home.run("rejected export --store sqlite:rows.db --output raw.jsonl --original");
    ended.is(0, &["304 records", "1 skipped"]);
    let raw = std::fs::read(home.path("raw.jsonl")).unwrap();
    assert!(
        raw.ends_with(b"\n\xff\xfe{\na,\"b\"\x1b[2J\n{\"s\":\"X:FRAME\"}\n7\n"),
        "the frame's good trade is not in it"
    );

    home.ok("rejected export --store sqlite:rows.db --output raw.jsonl --original --reason missing_field");
    let raw = std::fs::read_to_string(home.path("raw.jsonl")).unwrap();
    assert_eq!(raw.lines().count() as u64, UNTIMED + 1);
    let fixed = raw.replace(r#""v":1"#, &format!(r#""v":1,"t":{T0}"#));
    home.write("fixed.jsonl", fixed.replace(r#"{"s":"X:FRAME"}"#, ""));
    home.ok("import fixed.jsonl --log dir:again");
    home.ok("work --log dir:again --store sqlite:again.db --until-end");
    let csv = home.ok("candles --store sqlite:again.db --symbol X:FIXED --resolution 1d --format csv");
    assert!(csv.ends_with(&format!(",{UNTIMED},{T0},false\n")), "{csv}");
}
