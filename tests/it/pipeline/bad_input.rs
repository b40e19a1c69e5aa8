//! A log with every kind of bad record, each between good ones.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;

use serde_json::Value;

use crate::shared::process::Home;
use crate::shared::tables;

const T0: u64 = 1_700_000_000_000;
const KEPT_BYTES_MAX: usize = 65_536;

/// The n-th good trade: the only one of its 5 s window.
fn good(n: usize) -> String {
    format!(r#"{{"c":null,"p":{}.5,"s":"X:GOOD","t":{},"v":2}}"#, n + 1, T0 + 5_000 * n as u64)
}

/// A trade with one field replaced.
fn with(name: &str, value: &str) -> Vec<u8> {
    let field = |key, value: &str| if key == name { format!(r#""{key}":{value}"#) } else { String::new() };
    let others = [("p", "1"), ("s", r#""X:BAD""#), ("t", "1700000000000"), ("v", "1")];
    let fields = others.iter().filter(|(key, _)| *key != name).map(|(key, value)| format!(r#""{key}":{value}"#));
    let all: Vec<String> = fields.chain([field(name, value)].into_iter().filter(|f| !f.is_empty())).collect();
    format!("{{{}}}", all.join(",")).into_bytes()
}

/// A trade with an additional member.
fn with_also(member: &str) -> Vec<u8> {
    format!(r#"{{"p":1,"s":"X:BAD","t":1700000000000,"v":1,{member}}}"#).into_bytes()
}

/// A bad record, with (index, reason) of each rejection.
type Bad = (Vec<u8>, Vec<(u64, &'static str)>);

/// Every kind of bad record.
fn bad() -> Vec<Bad> {
    let noise: Vec<u8> = (0..=255_u8).filter(|byte| *byte != b'\n').cycle().take(70_000).collect();
    let long = |len: usize| format!("\"{}\"", "S".repeat(len));
    let one = |bytes: Vec<u8>, reason| (bytes, vec![(0, reason)]);
    let json = |text: &str| (text.as_bytes().to_vec(), vec![(0, "bad_json")]);
    let ahead = T0 + 3 * 3_600_000;
    vec![
        json(""),
        json("\r"),
        json("{"),
        json("[]"),
        json("7"),
        json("null"),
        json(&good(0)[..30]),
        json(&format!("{}{}", good(0), good(0))),
        json(r#"{"type":"trade","data":{}}"#),
        one(noise, "schema_bytes"),
        one(b"[".repeat(300_000), "bad_json"),
        one(br#"{"a":"#.repeat(200_000), "bad_json"),
        one(with("p", "NaN"), "bad_json"),
        one(with("p", "Infinity"), "bad_json"),
        one(with("p", "01"), "bad_json"),
        one(with("p", "\"1\""), "bad_price"),
        one(with("p", "null"), "bad_price"),
        one(with("v", "true"), "bad_volume"),
        one(with("v", "[1]"), "bad_volume"),
        one(with("p", "1e400"), "out_of_range"),
        one(with("p", "-1e13"), "out_of_range"),
        one(with("p", "1.23456e-15"), "out_of_range"),
        one(with("p", "1e-300"), "out_of_range"),
        one(with("v", "-0.1"), "out_of_range"),
        one(with("v", &"9".repeat(5_000)), "out_of_range"),
        one(with("s", "\"\""), "bad_symbol"),
        one(with("s", "5"), "bad_symbol"),
        one(with("s", &long(10_000)), "bad_symbol"),
        one(with("s", &long(129)), "bad_symbol"),
        one(with("s", r#""A\u0007""#), "bad_symbol"),
        one(with("s", r#""A\u200bB""#), "bad_symbol"),
        one(with("s", "\"A\u{202e}B\""), "bad_symbol"),
        one(with("t", "\"now\""), "bad_time"),
        one(with("t", "1.7e12"), "bad_time"),
        one(with("t", "99999999999999999999"), "bad_time"),
        one(with("t", "0"), "out_of_range"),
        one(with("t", "-1"), "out_of_range"),
        one(with("t", "9214646400000"), "out_of_range"),
        one(with("t", &ahead.to_string()), "too_far_ahead"),
        one(with_also(r#""c":"1""#), "bad_conditions"),
        one(with_also(r#""c":[1]"#), "bad_conditions"),
        one(br#"{"p":1,"s":"X:BAD","v":1}"#.to_vec(), "missing_field"),
        one(br#"{}"#.to_vec(), "missing_field"),
        one(br#"{"type":"ping"}"#.to_vec(), "unknown_type"),
        one(br#"{"type":"progress","source":"","event_ms":5}"#.to_vec(), "bad_control"),
        one(br#"{"type":"gap","source":"x"}"#.to_vec(), "bad_control"),
        (
            format!(r#"{{"type":"trade","data":[{},7,{{"s":"X:BAD"}}]}}"#, good(0).replace("GOOD", "FRAME"))
                .into_bytes(),
            vec![(1, "bad_json"), (2, "missing_field")],
        ),
        one(vec![b'x'; 10 << 20], "too_large"),
        one([&br#"{"p":1,"#[..], &b" ".repeat(1 << 20), br#""s":"A","t":1700000000000,"v":1}"#].concat(), "too_large"),
    ]
}

/// A row of `rejected`: offset, index, reason, bytes kept, total length.
type Rejected = (u64, u64, String, Vec<u8>, u64);

/// The expected rejected rows, with the offsets of the records in the log.
fn expected(log: &[u8], bad: &[Bad]) -> Vec<Rejected> {
    let mut left = bad.iter().peekable();
    let mut expected = Vec::new();
    for (offset, line) in (0..).zip(log.split(|byte| *byte == b'\n')) {
        let Some((bytes, reasons)) = left.next_if(|(bytes, _)| bytes == line) else { continue };
        // Of a frame the elements alone are kept.
        let frame = serde_json::from_slice::<Value>(bytes).ok();
        let element = |index: &u64| frame.as_ref()?["data"].get(*index as usize).map(ToString::to_string);
        let row = |(index, reason): &(u64, &str)| {
            let rejected = element(index).map_or_else(|| bytes.clone(), String::into_bytes);
            let kept = rejected[..rejected.len().min(KEPT_BYTES_MAX)].to_vec();
            (offset, *index, reason.to_string(), kept, rejected.len() as u64)
        };
        expected.extend(reasons.iter().map(row));
    }
    assert_eq!(left.peek(), None, "every bad record is in the log");
    expected
}

fn rejected(home: &Home) -> Vec<Rejected> {
    let store = tables::open(&home.path("rows.db"));
    let sql = "SELECT log_offset, item, reason, original, original_bytes_total FROM rejected ORDER BY 1, 2";
    let mut statement = store.prepare(sql).unwrap();
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?));
    statement.query_map([], row).unwrap().map(|row| row.unwrap()).collect()
}

fn assert_rejected(home: &Home, expected: &[Rejected]) {
    let rejected = rejected(home);
    let short = |(offset, index, reason, kept, total): &Rejected| {
        let text = String::from_utf8_lossy(&kept[..kept.len().min(60)]).into_owned();
        (*offset, *index, reason.clone(), *total, text)
    };
    let list = |rows: &[Rejected]| rows.iter().map(short).collect::<Vec<_>>();
    assert_eq!(list(&rejected), list(expected));
    assert!(rejected == *expected, "the bytes kept are those of the log");
}

fn work(home: &Home) {
    let ended = home.run("work --log dir:log --store sqlite:rows.db --until-end --workers 2");
    ended.is(0, &[]);
}

/// Writes a log of one partition: an import would convert or sort some of these records.
fn write_log(home: &Home, records: &[u8]) {
    let progress = |ms| format!(r#"{{"type":"progress","source":"x","event_ms":{ms}}}"#);
    let (head, end) = (progress(T0), progress(T0 + 300_000));
    let tail = format!("\n{end}\n{{\"type\":\"bye\",\"source\":\"x\"}}\n");
    std::fs::create_dir(home.path("log")).unwrap();
    let text = [head.as_bytes(), b"\n", records, tail.as_bytes()].concat();
    home.write("log/partition-00000.jsonl", text);
}

#[test]
fn bad_records_are_kept_and_harmless() {
    let (home, bad) = (Home::new(), bad());
    let mut file = Vec::new();
    for (n, (record, _)) in bad.iter().enumerate() {
        // Every third good line ends in CR LF.
        let end: &[u8] = if n % 3 == 0 { b"\r\n" } else { b"\n" };
        [good(n).as_bytes(), end, record, b"\n"].iter().for_each(|part| file.extend_from_slice(part));
    }
    file.extend_from_slice(good(bad.len()).as_bytes());
    write_log(&home, &file);
    work(&home);

    let log = std::fs::read(home.path("log/partition-00000.jsonl")).unwrap();
    let expected = expected(&log, &bad);
    assert_rejected(&home, &expected);
    let status = home.ok("status --store sqlite:rows.db --format json");
    let status: Value = serde_json::from_str(&status).unwrap();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    expected.iter().for_each(|row| *counts.entry(format!("rejected_{}", row.2)).or_default() += 1);
    let counters = status["counters"].as_object().unwrap().iter();
    let reported = counters.filter(|(name, count)| name.starts_with("rejected_") && **count != 0);
    assert_eq!(reported.map(|(name, n)| (name.clone(), n.as_u64().unwrap())).collect::<BTreeMap<_, _>>(), counts);
    assert_eq!(status["counters"]["trades"], bad.len() as u64 + 2);

    let csv = home.ok("candles --store sqlite:rows.db --symbol X:GOOD --resolution 5s --format csv");
    let row = |n: usize| {
        let (start, price) = (T0 + 5_000 * n as u64, n as f64 + 1.5);
        format!("X:GOOD,{start},{price},{price},{price},{price},2,{},{price},1", 2.0 * price)
    };
    // Without `as_of_ms` and `complete`.
    let values = |line: &str| line.rsplitn(3, ',').last().unwrap().to_owned();
    assert_eq!(csv.lines().skip(1).map(values).collect::<Vec<_>>(), (0..=bad.len()).map(row).collect::<Vec<_>>());
    let csv = home.ok("candles --store sqlite:rows.db --symbol X:FRAME --resolution 1d --format csv");
    assert!(values(csv.lines().last().unwrap()).ends_with(",1"), "{csv}");
    home.run("verify --log dir:log --store sqlite:rows.db --workers 3").is(0, &[]);
}

#[test]
fn torn_last_line_is_no_record_yet() {
    let home = Home::new();
    home.write("a.jsonl", good(0) + "\n" + &good(1));
    home.write("b.jsonl", good(2));
    home.ok("import a.jsonl --log dir:log --partitions 1");
    let file = home.path("log/partition-00000.jsonl");
    let torn = &good(7)[..40];
    let offset = std::fs::read_to_string(&file).unwrap().lines().count() as u64;
    OpenOptions::new().append(true).open(&file).unwrap().write_all(torn.as_bytes()).unwrap();
    work(&home);
    assert_rejected(&home, &[]);
    home.run("verify --log dir:log --store sqlite:rows.db").is(0, &[]);
    // The next writer ends the line, and continues after it.
    home.ok("import b.jsonl --log dir:log");
    work(&home);
    assert_rejected(&home, &[(offset, 0, "bad_json".into(), torn.as_bytes().to_vec(), torn.len() as u64)]);
    home.run("verify --log dir:log --store sqlite:rows.db").is(0, &[]);
    let csv = home.ok("candles --store sqlite:rows.db --symbol X:GOOD --resolution 5s --format csv");
    assert_eq!(csv.lines().count(), 1 + 3);
}
