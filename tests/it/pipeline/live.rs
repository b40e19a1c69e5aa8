//! `tickline demo`: everything in one process, observed from outside while it runs.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::shared::process::{DEADLINE, Home, Running, wait_for};
use crate::shared::tables;

/// Sends a GET request to the dashboard; `None` if the status is not 200.
fn get(address: &str, path: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("chunked"), "{head}");
    head.starts_with("HTTP/1.1 200").then(|| serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {body}")))
}

/// The address that the demo prints.
fn address(demo: &mut Running) -> String {
    wait_for("the address of the page", || {
        assert!(demo.is_alive(), "{}", demo.stderr());
        let stdout = demo.stdout();
        let (_, rest) = stdout.split_once("http://")?;
        Some(rest.split_once('/')?.0.to_owned())
    })
}

fn frontier_ms(address: &str) -> Option<u64> {
    get(address, "/api/frontier")?["frontier_ms"].as_u64()
}

/// A complete candle on the page equals the row in the file, to the last bit.
fn candle_equals_row(home: &Home, address: &str) -> Option<()> {
    let symbol = "BINANCE:BTCUSDT";
    let page = get(address, &format!("/api/candles?symbol={symbol}&resolution=5s"))?;
    let names = ["open", "high", "low", "close", "volume", "notional", "vwap"];
    let store = tables::open(&home.path("data/tickline.db"));
    for candle in page["rows"].as_array().unwrap().iter().filter(|candle| candle["complete"] == true) {
        let start = candle["window_start_ms"].as_u64().unwrap();
        let sql = format!(
            "SELECT {}, trades, as_of FROM candles_5s WHERE symbol = ?1 AND window_start = ?2",
            names.join(", ")
        );
        let row = |row: &rusqlite::Row<'_>| {
            let values = (0..7).map(|at| row.get::<_, f64>(at)).collect::<Result<Vec<_>, _>>()?;
            Ok((values, row.get::<_, u64>(7)?, row.get::<_, u64>(8)?))
        };
        let (values, trades, as_of) = store.query_row(&sql, (symbol, start), row).unwrap();
        if candle["as_of"] == as_of {
            let shown: Vec<f64> = names.iter().map(|name| candle[*name].as_f64().unwrap()).collect();
            assert_eq!((shown, candle["trades"].as_u64().unwrap()), (values, trades));
            return Some(());
        }
    }
    None
}

fn verify(home: &Home) {
    home.ok("verify --log dir:data/log --store sqlite:data/tickline.db --workers 2");
}

#[test]
fn demo_runs_and_resumes() {
    let home = Home::new();
    let mut demo = home.start("demo --for 12s --port 0 --data data");
    let page = address(&mut demo);
    let first = wait_for("a frontier", || frontier_ms(&page));
    wait_for("the frontier moves", || frontier_ms(&page).filter(|&now| now > first + 1_000));
    wait_for("a complete candle", || candle_equals_row(&home, &page));
    home.fails("demo --for 1s --port 0 --data data", 1, &[&format!("process {}", demo.id())]);
    let ended = demo.end("the demo");
    ended.is(0, &[]);
    assert!(ended.stdout.contains("complete up to") && ended.stdout.contains("trades received"), "{ended:?}");
    verify(&home);

    let store = home.path("data/tickline.db");
    let before = tables::progress(&store);
    assert_eq!(before.epoch, 1);
    let mut demo = home.start("demo --for 6s --port 0 --data data --workers 3");
    let page = address(&mut demo);
    wait_for("the second epoch", || {
        let frontier = get(&page, "/api/frontier")?;
        let is_ahead = frontier["frontier_ms"].as_u64() > before.frontier;
        (is_ahead && frontier["epoch"] == 2).then_some(())
    });
    demo.end("the second demo").is(0, &[]);
    assert!(tables::progress(&store).frontier > before.frontier);
    verify(&home);
}
