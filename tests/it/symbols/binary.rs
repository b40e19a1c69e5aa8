//! `tickline symbols` as a process: exit codes, filters, and the API token that it must never print.

use std::path::Path;
use std::sync::atomic::Ordering;

use simulator::rest_fault::RestFaults;
use simulator::{Simulator, SimulatorConfig, serve};
use tickline::ingest::watchlist::read_list;

use crate::shared::process::Home;
use crate::symbols::world::{CANARY, simulator};

/// A home with a token file, and the command line of a sync into it.
fn home_of(simulator: &Simulator, more: &str) -> (Home, String) {
    let home = Home::new();
    home.write("key", format!("{CANARY}\n"));
    let url = format!("http://{}/api/v1", simulator.addr());
    (home, format!("symbols sync --store sqlite:s.db --cache cache --url {url} --token-file key {more}"))
}

/// All files below a directory that contain the text.
fn files_with(text: &str, folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files_with(text, &entry.path()));
        } else {
            let bytes = std::fs::read(entry.path()).unwrap();
            let name = entry.path().display().to_string();
            found.extend(
                (name.contains(text) || bytes.windows(text.len()).any(|w| w == text.as_bytes())).then_some(name),
            );
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_token_is_never_printed() {
    let faults = RestFaults { too_many: 1, server_error: 1, cut: 1, ..RestFaults::default() };
    let config = SimulatorConfig { token: Some(CANARY.to_owned()), rest_faults: faults, ..Default::default() };
    let simulator = serve(config).await.unwrap();
    let (home, sync) = home_of(&simulator, "--exchange US --log dir:symbols");
    let loud = |line: &str| {
        let words = ["TICKLINE_LOG_LEVEL=trace", env!("CARGO_BIN_EXE_tickline")];
        let words: Vec<&str> = words.into_iter().chain(line.split_whitespace()).collect();
        home.start_as("env".as_ref(), &words).end(line)
    };
    loud(&sync).is(0, &["REST call failed; retrying", "TRACE"]);
    assert_eq!(simulator.counters().rest_faults.load(Ordering::Relaxed), 3);
    loud(&sync.replace("--exchange US", "--exchange nowhere")).is(2, &["nowhere"]);
    let keyed = format!("http://127.0.0.1:1/?token={CANARY}");
    let url = format!("http://{}/api/v1", simulator.addr());
    loud(&sync.replace(&url, &keyed)).is(2, &["invalid REST URL"]);
    loud("symbols list --store sqlite:s.db").is(0, &[]);
    let found = files_with(CANARY, &home.path("."));
    assert_eq!(found, [home.path("./key").display().to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_documented_exit_codes() {
    let config = SimulatorConfig { token: Some("another key".to_owned()), ..Default::default() };
    let strict = serve(config).await.unwrap();
    let (home, sync) = home_of(&strict, "--exchange US");
    home.fails(&sync, 2, &["HTTP status 401", "FINNHUB_TOKEN"]);
    assert_eq!(strict.counters().calls().values().sum::<u64>(), 0, "a refused key was counted as a call");
    home.fails(&sync.replace("--token-file key", "--token-file nokey"), 2, &["nokey"]);
    home.fails("symbols list --store sqlite:s.db", 2, &["no symbols in", "symbols sync"]);
    home.fails("symbols list --store sqlite:none.db", 2, &["no store"]);
    home.fails(&sync.replace("--store sqlite:s.db", ""), 2, &["--store"]);

    let small = simulator(100, RestFaults { forbidden: true, ..RestFaults::default() }).await;
    let (home, sync) = home_of(&small, "--exchange US,L,DE");
    home.run(&sync).is(0, &["2 not allowed by the plan: stock/symbol?exchange=DE, stock/symbol?exchange=L"]);
    home.fails(&sync.replace("US,L,DE", "L"), 2, &["allows none of the 1"]);
    home.simulate("trades.jsonl", 100, "2024-01-02T14:30:00Z");
    home.ok("import trades.jsonl --log dir:trades --partitions 1");
    home.fails(&format!("{sync} --log dir:trades"), 2, &["not a symbol log"]);
    home.ok("import trades.jsonl --log dir:more --partitions 2");
    home.fails(&format!("{sync} --log dir:more"), 2, &["has 2 partitions"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_filtered_and_used_as_watchlists() {
    let simulator = simulator(300, RestFaults::default()).await;
    let (home, sync) = home_of(&simulator, "--exchange US,L,BINANCE,OANDA");
    home.run(&sync).is(0, &["listed by 4 exchanges"]);
    let plain = |more: &str| -> Vec<String> {
        let text = home.ok(&format!("symbols {more} --store sqlite:s.db --format plain"));
        text.lines().map(str::to_owned).collect()
    };
    let all = plain("list");
    assert!(all.is_sorted() && all.len() > 200, "{}", all.len());
    assert!(plain("list --exchange l").iter().all(|symbol| symbol.ends_with(".L")));
    assert!(plain("list --market crypto,forex").iter().all(|symbol| symbol.contains(':')));
    assert_eq!(plain("list --currency btc"), ["BINANCE:LTCBTC"]);
    assert_eq!(plain("list --currency GBP --market stock"), plain("list --exchange L"));
    let funds = plain("list --type etp --exchange US");
    assert!(funds.contains(&"SPY".to_owned()) && !funds.contains(&"AAPL".to_owned()), "{funds:?}");
    assert_eq!(plain("list --status delisted"), [""; 0]);
    assert_eq!(plain("list --limit 3"), all[..3]);
    // The symbol itself, then those that begin with it, then names, each ascending.
    let found = plain("search v");
    let at = |symbol: &str| found.iter().position(|s| s == symbol).unwrap_or_else(|| panic!("{symbol}: {found:?}"));
    assert_eq!(found[0], "V");
    assert!(at("V") < at("V.L").min(at("NVDA")) && at("V.L") < at("NVDA"), "{found:?}");
    assert_eq!(plain("search apple"), ["AAPL", "AAPL.L"]);
    assert_eq!(plain("search nothing-of-that-name"), [""; 0]);

    let csv = home.ok("symbols list --store sqlite:s.db --format csv");
    assert!(csv.starts_with("symbol,display_symbol,name,market,exchange,mic,currency,security_type,figi,isin,status,"));
    let first: Vec<_> = csv.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(first, all);
    for list in [csv.clone(), all.join("\n")] {
        let taken = read_list(&list).unwrap();
        assert_eq!(taken.iter().map(|symbol| symbol.as_str()).collect::<Vec<_>>(), all, "as ingest takes a watchlist");
    }
    let json = home.ok("symbols search AAPL --store sqlite:s.db --format json --limit 1");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json[0]["symbol"], &json[0]["market"], &json[0]["status"]),
        (&"AAPL".into(), &"stock".into(), &"listed".into())
    );
    let table = home.ok("symbols list --store sqlite:s.db --limit 2");
    assert_eq!(table.lines().count(), 3);
}
