//! Wrong command lines: each error says what happened, where, and what to do next, and has the right exit code.

use crate::shared::process::{Home, wait_for};

/// Command line, exit code, and parts of the error.
const WRONG: &[(&str, i32, &[&str])] = &[
    ("work --log trades --store sqlite:x", 2, &["trades", "dir:PATH"]),
    ("work --log dir:none --store sqlite:x --until-end", 2, &["none", "tickline import"]),
    ("work --log dir:log --store file.db", 2, &["file.db", "sqlite:PATH"]),
    ("work --log dir:log --store sqlite:x --listen 9101", 2, &["127.0.0.1:9101"]),
    ("work --log dir:log --store sqlite:x --processes 2", 2, &["--hosts FILE"]),
    ("work --log dir:log --store sqlite:x --step 7s", 2, &["7000 ms", "divisor of the 5000 ms window"]),
    ("replay --log dir:log --every soon", 2, &["soon", "30s"]),
    ("replay --log dir:log --from-offset 9=1", 2, &["partition 9", "dir:log", "0 to 3"]),
    ("replay --log dir:log --from-offset 0=99", 3, &["offset 99", "0..0"]),
    ("candles --store sqlite:none.db --symbol A --resolution 1m", 2, &["none.db", "tickline work"]),
    ("candles --store none --symbol A --resolution 1m", 2, &["none", "--store sqlite:PATH"]),
    ("candles --store sqlite:x --symbol A --resolution 2m", 2, &["2m", "5s, 1m, 5m, 1h or 1d"]),
    ("candles --store sqlite:x --symbol A --resolution 1m --from today", 2, &["today", "2013-10-07T13:30:00Z"]),
    (
        "candles --store sqlite:x --symbol A --resolution 1m --to 12345",
        2,
        &["12345 was taken for 12345 seconds: 1970-01-01T03:25:45Z is before 1971", "milliseconds"],
    ),
    ("top --store sqlite:none.db", 2, &["terminal", "tickline status --store sqlite:none.db"]),
    ("verify --log dir:log --store none", 2, &["none", "--store sqlite:PATH"]),
    ("status --store sqlite:none.db", 2, &["none.db", "tickline work"]),
    ("dashboard --store sqlite:none.db", 2, &["none.db", "tickline work"]),
    ("import none.jsonl --log dir:log", 2, &["none.jsonl", "no such file"]),
    ("ingest --log dir:live --source a --symbols A --url http://127.0.0.1:1", 2, &["--url", "wss://ws.finnhub.io"]),
    ("ingest --log dir:live --source a --symbols A", 2, &["FINNHUB_TOKEN", "--token-file"]),
    ("simulate --fault rain", 2, &["rain", "disconnect-every=30s"]),
    ("setup", 2, &["--log", "--store"]),
    ("rejected list --store sqlite:x --reason rain", 2, &["rain", "bad_json"]),
    ("symbols search --store sqlite:x apple", 2, &["sqlite:x", "tickline symbols sync"]),
    ("rest", 2, &["rest", "--help"]),
    ("work --log dir:log --store sqlite:x --tick 1s", 2, &["--tick is now --step"]),
    ("dashboard --store sqlite:x --port 0", 2, &["--port is now --listen HOST:PORT"]),
    ("replay --log dir:log --store sqlite:x", 2, &["--store is now --write-to"]),
];

#[test]
fn usage_errors_say_what_to_do() {
    let home = Home::new();
    home.ok("setup --log dir:log --partitions 4 --store sqlite:x");
    for (line, code, words) in WRONG {
        home.fails(line, *code, words);
    }
    let ended = home.start_with("status --store sqlite:x", &[("TICKLINE_CONFIG", "none.toml")]).end("status");
    ended.is(2, &["none.toml", "no such file"]);
    assert!(!ended.stderr.contains("os error"), "{ended:?}");
    let ended = home.start_with("status --store sqlite:x", &[("TICKLINE_BIND", "0.0.0.0")]).end("status");
    ended.is(0, &[]);
    let ended = home.start_with("dashboard --store sqlite:x", &[("TICKLINE_BIND", "0.0.0.0")]).end("dashboard");
    ended.is(2, &["TICKLINE_BIND is now TICKLINE_DASHBOARD_LISTEN"]);
    home.write("tickline.toml", "store = \"sqlite:x\"\n[dashboard]\nport = 8080\n");
    home.fails("status", 2, &["tickline.toml, line 3", "unknown setting", "port"]);
}

#[test]
fn logs_in_a_file_have_no_colours() {
    let home = Home::new();
    let line = "ingest --log dir:live --source a --symbols A --url ws://127.0.0.1:1/";
    let mut ingest = home.start_with(line, &[("FINNHUB_TOKEN", "secret-key")]);
    let said = wait_for("a warning", || {
        assert!(ingest.is_alive(), "{}", ingest.stderr());
        Some(ingest.stderr()).filter(|said| said.contains("feed lost"))
    });
    assert!(said.contains("ws://127.0.0.1:1/") && !said.contains('\u{1b}') && !said.contains("secret-key"), "{said}");
    ingest.terminate();
    ingest.end("the ingest").is(0, &[]);
}
