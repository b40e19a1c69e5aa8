//! The demo is killed and restarted on the same port, and the page reconnects by itself.

use std::collections::BTreeSet;

use crate::page::exact;
use crate::page::script::Script;
use crate::shared::process::Home;
use crate::shared::tables;

#[test]
fn page_reconnects_after_server_restart() {
    let home = Home::new();
    let mut demo = home.start("demo --seed 7 --instruments 6 --port 0 --data data");
    let address = demo.address_after("http://");
    let port = address.rsplit_once(':').unwrap().1;
    let mut script = Script::start("restart", &address);
    script.expect("live");
    demo.kill();
    script.answer("killed");
    script.expect("lost");
    let mut demo = home.start(&format!("demo --seed 7 --instruments 6 --port {port} --data data"));
    assert_eq!(demo.address_after("http://"), address);
    script.answer("started");

    let mut shown = script.report();
    let starts: Vec<u64> = shown["starts"].as_array().unwrap().iter().map(|start| start.as_u64().unwrap()).collect();
    let store = tables::open(&home.path("data/tickline.db"));
    let sql = "SELECT window_start FROM candles_5s WHERE symbol = 'BINANCE:BTCUSDT' ORDER BY 1";
    let mut statement = store.prepare(sql).unwrap();
    let stored: BTreeSet<u64> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let (first, last) = (starts[0], *starts.last().unwrap());
    let wanted: Vec<u64> = stored.range(first..=last).copied().collect();
    assert_eq!(starts, wanted, "each candle of the store once");
    // A late trade may arrive between reading the page and reading the store.
    for _ in 0..20 {
        if exact::wrong_candle(&home, "data/tickline.db", &shown).is_none() {
            break;
        }
        script.answer("again");
        shown = script.report();
    }
    assert_eq!(exact::wrong_candle(&home, "data/tickline.db", &shown), None, "{shown}");
    script.answer("enough");
    script.end();
    assert!(demo.is_alive(), "{}", demo.stderr());
}
