//! Files of other formats and shapes become the same trades.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};

use super::{T0, partition, trade, write};
use crate::shared::process::Home;

const SYMBOL: &str = "--symbol X:S1";

/// Records of a log of one partition, without control records.
fn records(home: &Home, log: &str) -> Vec<String> {
    let lines = partition(&home.path(log), 0);
    lines.into_iter().filter(|line| !line.contains(r#""type":"#)).collect()
}

/// Three trades in the canonical shape, newest last.
fn canonical() -> Vec<String> {
    (0..3).map(|n| format!(r#"{{"c":[],"p":{n}.50,"s":"X:S1","t":{},"v":1.0}}"#, T0 + n * 1_000)).collect()
}

#[test]
fn every_shape_gives_the_same_trades() {
    let home = Home::new();
    let each = |row: &dyn Fn(u64) -> String, between: &str| (0..3).map(row).collect::<Vec<_>>().join(between);
    let texts = |n: u64| format!(r#"{{"p":"{n}.50","s":"X:S1","t":"{}","v":"1.0"}}"#, T0 + n * 1_000);
    let pretty =
        |n: u64| format!("{{\n \"p\": {n}.50,\r\n \"s\": \"X:S1\", \"t\": {}.0, \"v\": 1.0 }}", T0 + n * 1_000);
    let micros = |n: u64| format!("{},1.0,{n}.50", 1_000 * (T0 + n * 1_000) + 999);
    let local = |n: u64| format!("2023-11-14 18:00:0{n}.000\t{n}.50\t1.0");
    let seconds = |n: u64| format!("{}.000,{n}.50,1.0", T0 / 1_000 + n);
    let alpaca = |n: u64| format!(r#"{{"t":"2023-11-14T23:00:0{n}.0005Z","p":{n}.50,"s":1.0}}"#);
    let utf16: Vec<u8> =
        [0xfeff].into_iter().chain(each(&texts, "\r\n").encode_utf16()).flat_map(u16::to_be_bytes).collect();
    for (name, text, options) in [
        ("texts", each(&texts, "\n").into_bytes(), ""),
        ("array", format!("[{}]", each(&texts, ",\n")).into_bytes(), ""),
        ("pretty", format!("\u{feff}[\n{}\n]", each(&pretty, ",\n")).into_bytes(), ""),
        ("objects", each(&pretty, "\n").into_bytes(), ""),
        ("utf16", utf16, ""),
        ("answer", format!(r#"{{"symbol":"X:S1","trades":[{}]}}"#, each(&alpaca, ",")).into_bytes(), "--from alpaca"),
        ("csv", format!("ts,qty,price\n{}\n", each(&micros, "\n")).into_bytes(), "--time-unit us --symbol X:S1"),
        (
            "named",
            format!("when,n,cost\n{}\n", each(&micros, "\r\n\r\n")).into_bytes(),
            "--columns time=when,volume=n,price=cost --time-unit us --symbol X:S1",
        ),
        (
            "tsv",
            format!("time\tprice\tsize\n{}\n", each(&local, "\n")).into_bytes(),
            "--time-zone America/New_York --symbol X:S1",
        ),
        ("S1.csv", each(&seconds, "\n").into_bytes(), "--from kraken --symbol X:S1"),
    ] {
        home.write(name, text);
        home.run(&format!("import {name} {options} --log dir:log-{name} --partitions 1")).is(0, &["3 trades"]);
        assert_eq!(records(&home, &format!("log-{name}")), canonical(), "{name}");
    }
}

#[test]
fn a_zip_is_all_its_files() {
    let home = Home::new();
    let mut zip = zip::ZipWriter::new(File::create(home.path("all.any")).unwrap());
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, n) in [("b/2.jsonl", 2), ("1.jsonl", 0), ("3.csv", 1)] {
        zip.start_file(name, stored).unwrap();
        let (p, t) = (format!("{n}.50"), T0 + n * 1_000);
        let json = format!(r#"{{"c":[],"p":{p},"s":"X:S1","t":{t},"v":1.0}}"#);
        let text = if n == 1 { format!("time,price,size,id\n{t},{p},1.0,\n") } else { json };
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    home.run(&format!("import all.any {SYMBOL} --log dir:log --partitions 1"))
        .is(0, &["all.any/b/2.jsonl", "CSV in zip"]);
    assert_eq!(records(&home, "log"), canonical());
    let text = std::fs::read(home.path("all.any")).unwrap();
    home.write("cut.zip", &text[..text.len() - 30]);
    home.fails("import cut.zip --log dir:other", 2, &["cut.zip", "archive"]);
}

#[test]
fn standard_input_is_a_file() {
    let home = Home::new();
    write(&home.path("a"), &[trade(1, T0 + 2_000, 2), trade(1, T0, 0)]);
    for (name, log) in [("a", "plain"), ("a.zst", "packed")] {
        if name == "a.zst" {
            home.write(name, zstd::encode_all(File::open(home.path("a")).unwrap(), 1).unwrap());
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_tickline"));
        command.args(["import", "-", "--partitions", "1", "--log"]).arg(format!("dir:{}", home.path(log).display()));
        let output = command.stdin(File::open(home.path(name)).unwrap()).stderr(Stdio::piped()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && stderr.contains("standard input: JSON Lines"), "{stderr}");
        assert_eq!(records(&home, log), [trade(1, T0, 0), trade(1, T0 + 2_000, 2)]);
    }
}

#[test]
fn a_wrong_unit_is_an_error() {
    let home = Home::new();
    write(&home.path("a"), &[trade(1, T0, 1), trade(1, T0 * 1_000, 2)]);
    let ended = home.run("import a --log dir:log --partitions 1");
    ended.is(0, &["a, line 2: t looks like microseconds; use --time-unit us"]);
    home.fails("import a --time-unit us --log dir:other", 2, &["a", "line 1"]);
    home.fails("import a --time-unit min --log dir:other", 2, &["expected s, ms, us, ns or iso"]);
    home.fails("import a --time-zone Mars/Olympus --log dir:other", 2, &["Mars/Olympus"]);
    home.fails("import a --columns cost=p --log dir:other", 2, &["time, price, volume, symbol, conditions, id"]);
    home.fails("import a --from nowhere --log dir:other", 2, &["tardis-trades"]);
    assert!(!home.path("other").exists());
}

#[test]
fn wrong_rows_are_kept_as_they_are() {
    let home = Home::new();
    home.write("a.csv", format!("time,price,size\n{T0},0.50,1.0\n{T0},much,1\n"));
    home.run(&format!("import a.csv {SYMBOL} --log dir:log --partitions 1"))
        .is(0, &["a.csv, line 3: price is not a number"]);
    assert_eq!(records(&home, "log"), [canonical()[0].clone(), format!("{T0},much,1")]);
}
