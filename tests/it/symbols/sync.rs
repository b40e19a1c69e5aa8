//! Complete syncs with the simulator: requests, cache, and faults.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use dataflows::progress::time::DAY_MS;
use dataflows::symbols::entry::{Market, Status};
use simulator::instrument::Class;
use simulator::rest_fault::RestFaults;
use simulator::universe::Universe;
use tickline::symbols::SyncError;
use tickline::symbols::book::Book;
use tickline::symbols::sync;

use crate::symbols::world::{CANARY, DAY, MORNING, World, simulator};

/// The simulated symbols by exchange, without foreign stocks.
fn universe(symbols: usize) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for instrument in Universe::new(symbols).instruments() {
        all.entry(instrument.exchange().to_owned()).or_default().insert(instrument.symbol.clone());
    }
    all
}

#[tokio::test]
async fn every_list_is_fetched_once_per_day() {
    let (world, simulator) = (World::new(), simulator(2_000, RestFaults::default()).await);
    let report = world.sync(&simulator, MORNING, &[]).await.unwrap();
    let calls = simulator.counters().calls();
    assert!(calls.len() > 80 && calls.values().all(|count| *count == 1), "{calls:?}");
    assert!(calls.keys().all(|target| !target.contains("token") && !target.contains(CANARY)), "{calls:?}");
    assert!(calls.contains_key("/forex/symbol?exchange=IC+MARKETS"), "{calls:?}");
    let stored = world.stored();
    assert_eq!((report.listed, report.new, report.changed), (stored.len(), stored.len(), stored.len()));
    assert_eq!((report.exchanges, report.cached, report.bad, report.taken), (calls.len() - 2, 0, 0, 0));
    for (exchange, symbols) in universe(2_000) {
        let kept = stored.values().filter(|entry| entry.exchange == exchange).map(|entry| entry.symbol.to_string());
        assert_eq!(kept.collect::<BTreeSet<_>>(), symbols, "{exchange}");
    }
    assert!(stored.values().all(|e| (e.first_seen_ms, e.last_seen_ms, e.as_of_ms) == (DAY, DAY, MORNING)));
    let apple = &stored["AAPL.L"];
    assert_eq!((apple.market, &*apple.exchange, &*apple.mic, &*apple.currency), (Market::Stock, "L", "XLON", "GBP"));
    assert_eq!((&*apple.figi, &*apple.security_type), (&*stored["AAPL"].figi, "Common Stock"));
    let pair = &stored["BINANCE:LTCBTC"];
    assert_eq!((pair.market, &*pair.display_symbol, &*pair.currency), (Market::Crypto, "LTC/BTC", "BTC"));

    // Later that day there are no requests and no changes; on the next day all lists are fetched again.
    let again = world.sync(&simulator, MORNING + 3_600_000, &[]).await.unwrap();
    assert_eq!((again.cached, again.changed, again.listed), (report.exchanges, 0, report.listed));
    assert_eq!(simulator.counters().calls(), calls);
    assert_eq!(world.stored(), stored);
    let next = world.sync(&simulator, MORNING + DAY_MS, &["US"]).await.unwrap();
    assert_eq!((next.cached, next.new, next.delisted, next.changed), (0, 0, 0, next.listed));
    let apple = &world.stored()["AAPL"];
    assert_eq!((apple.first_seen_ms, apple.last_seen_ms, apple.as_of_ms), (DAY, DAY + DAY_MS, MORNING + DAY_MS));
}

#[tokio::test]
async fn an_interrupted_sync_fetches_only_the_rest() {
    let (world, simulator) = (World::new(), simulator(200, RestFaults::default()).await);
    let (config, mut asked) = (world.config(&simulator, &["AS", "L", "T", "TO", "US"]), 0);
    {
        let mut book = Book::open(Some(&world.store()), Some(&world.log())).unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let mut stop = Some(stop);
        let mut tell = |progress: tickline::symbols::Progress<'_>| {
            if progress.done == 3 {
                asked = simulator.counters().calls().values().sum::<u64>();
                let _ = stop.take().unwrap().send(());
            }
        };
        // The sync is dropped while it waits, as when a process ends.
        tokio::select! {
            biased;
            _ = stopped => {}
            _ = sync(&config, &mut book, MORNING, &mut tell) => panic!("it came to its end"),
        }
    }
    assert_eq!(asked, 3);
    let mut book = Book::open(Some(&world.store()), Some(&world.log())).unwrap();
    let report = sync(&config, &mut book, MORNING + 60_000, &mut |_| {}).await.unwrap();
    assert_eq!((report.exchanges, report.cached), (5, 3));
    let calls = simulator.counters().calls();
    let once = |exchange: &str| calls[&format!("/stock/symbol?exchange={exchange}")] == 1;
    assert!(["AS", "L", "T"].into_iter().all(once), "{calls:?}");
    let (records, logged) = world.logged();
    assert_eq!(logged, world.stored());
    assert_eq!(records, logged.len(), "an entry was written twice");
}

#[tokio::test]
async fn transient_failures_are_retried() {
    let faults = RestFaults { too_many: 2, server_error: 2, cut: 1, ..RestFaults::default() };
    let (world, simulator) = (World::new(), simulator(100, faults).await);
    let start = std::time::Instant::now();
    let report = world.sync(&simulator, MORNING, &["US"]).await.unwrap();
    assert_eq!(simulator.counters().rest_faults.load(Ordering::Relaxed), 5);
    assert_eq!(simulator.counters().calls()["/stock/symbol?exchange=US"], 6);
    assert_eq!((report.exchanges, report.failed.len()), (1, 0));
    // A rate limit ends with the current second; other pauses are milliseconds here.
    assert!(start.elapsed() < std::time::Duration::from_secs(60), "the end of the window was not looked at");
    assert_eq!(world.stored().len(), universe(100)["US"].len());
}

#[tokio::test]
async fn failed_lists_are_reported_and_delist_nothing() {
    let world = World::new();
    let good = simulator(100, RestFaults::default()).await;
    world.sync(&good, MORNING, &["US", "L"]).await.unwrap();
    let before = world.stored();
    let bad = simulator(100, RestFaults { cut: u64::MAX, ..RestFaults::default() }).await;
    let report = world.sync(&bad, MORNING + DAY_MS, &["US", "L"]).await.unwrap();
    assert_eq!((report.exchanges, report.failed.len(), report.changed), (0, 2, 0));
    assert!(report.failed[0].starts_with("stock/symbol?exchange=L: "), "{report:?}");
    assert_eq!(bad.counters().rest_faults.load(Ordering::Relaxed), 12);
    assert_eq!(world.stored(), before);
}

#[tokio::test]
async fn an_unreachable_server_reveals_no_token() {
    let (world, simulator) = (World::new(), simulator(10, RestFaults::default()).await);
    let mut config = world.config(&simulator, &["US"]);
    config.rest.url = "http://127.0.0.1:1/".to_owned();
    let mut book = Book::open(Some(&world.store()), None).unwrap();
    let report = sync(&config, &mut book, MORNING, &mut |_| {}).await.unwrap();
    assert!(report.failed[0].starts_with("stock/symbol?exchange=US: "), "{report:?}");
    assert!(!format!("{report:?}").contains(CANARY), "{report:?}");
}

#[tokio::test]
async fn forbidden_lists_are_reported_and_skipped() {
    let (world, simulator) =
        (World::new(), simulator(100, RestFaults { forbidden: true, ..RestFaults::default() }).await);
    let report = world.sync(&simulator, MORNING, &["US", "L", "DE"]).await.unwrap();
    assert_eq!(report.not_allowed, ["stock/symbol?exchange=DE", "stock/symbol?exchange=L"]);
    assert_eq!((report.exchanges, report.failed.len(), world.stored().len()), (1, 0, universe(100)["US"].len()));
    let error = world.sync(&simulator, MORNING, &["L"]).await.unwrap_err();
    assert!(matches!(error, SyncError::NothingAllowed { requested: 1 }), "{error}");
    let error = world.sync(&simulator, MORNING, &["us", "nowhere"]).await.unwrap_err();
    assert!(matches!(&error, SyncError::NoExchange { name, .. } if name == "nowhere"), "{error}");
}

#[tokio::test]
async fn symbols_are_delisted_and_renamed() {
    let world = World::new();
    let first = simulator(300, RestFaults::default()).await;
    world.sync(&first, MORNING, &["US", "BINANCE"]).await.unwrap();
    let before = world.stored();
    let stocks: Vec<String> =
        Universe::new(300).instruments().iter().filter(|i| i.class == Class::Stock).map(|i| i.symbol.clone()).collect();
    let [.., old, gone_1, gone_2] = stocks.as_slice() else { panic!("too few") };

    let faults = RestFaults { delisted: 2, renamed: 1, malformed: true, ..RestFaults::default() };
    let second = simulator(300, faults).await;
    // A list with invalid elements delists nothing, but still adds new symbols.
    let report = world.sync(&second, MORNING + DAY_MS, &["US"]).await.unwrap();
    assert_eq!((report.bad, report.bad_named.len()), (2, 2));
    assert!(report.bad_named[0].starts_with("stock/symbol?exchange=US: element 0: "), "{report:?}");
    assert_eq!((report.new, report.delisted, report.renamed), (1, 0, 0));
    assert_eq!(world.stored()[gone_1].status, Status::Listed);

    let third = simulator(300, RestFaults { malformed: false, ..faults }).await;
    let report = world.sync(&third, MORNING + 2 * DAY_MS, &["US"]).await.unwrap();
    // The new symbol was already listed the day before, so it does not count as a rename.
    assert_eq!((report.new, report.delisted, report.renamed), (0, 3, 0));

    // The same two days without the one in between.
    let world = World::new();
    world.sync(&first, MORNING, &["US", "BINANCE"]).await.unwrap();
    let report = world.sync(&third, MORNING + DAY_MS, &["US"]).await.unwrap();
    assert_eq!((report.new, report.delisted, report.renamed), (1, 2, 1));
    let after = world.stored();
    for gone in [gone_1, gone_2] {
        let (then, now) = (&before[gone], &after[gone]);
        assert_eq!((now.status, now.last_seen_ms, now.as_of_ms), (Status::Delisted, DAY, MORNING + DAY_MS));
        assert_eq!((&now.name, &now.figi, now.first_seen_ms), (&then.name, &then.figi, DAY));
    }
    let new = format!("{old}.NEW");
    assert_eq!((after[old].status, &*after[old].renamed_to), (Status::Renamed, new.as_str()));
    assert_eq!((after[&new].status, after[&new].first_seen_ms), (Status::Listed, DAY + DAY_MS));
    assert!(after.values().filter(|e| e.market == Market::Crypto).all(|e| e.status == Status::Listed));

    // A symbol that returns is listed again, with its first date.
    let report = world.sync(&first, MORNING + 2 * DAY_MS, &["US"]).await.unwrap();
    assert_eq!((report.new, report.delisted + report.renamed), (0, 1));
    let back = world.stored();
    assert_eq!((back[old].status, &*back[old].renamed_to, back[old].first_seen_ms), (Status::Listed, "", DAY));
    assert_eq!((back[&new].status, &*back[&new].renamed_to), (Status::Renamed, old.as_str()));
}

#[tokio::test]
async fn store_and_log_complete_each_other() {
    let (world, simulator) = (World::new(), simulator(120, RestFaults::default()).await);
    world.sync(&simulator, MORNING, &["US"]).await.unwrap();
    // A new log receives the store's entries.
    drop(Book::open(Some(&world.store()), Some(&world.log())).unwrap());
    let (records, logged) = world.logged();
    assert_eq!((records, &logged), (logged.len(), &world.stored()));
    // The log alone keeps the entries too.
    let mut book = Book::open(None, Some(&world.log())).unwrap();
    assert_eq!(book.entries(), &logged);
    sync(&world.config(&simulator, &["US"]), &mut book, MORNING + DAY_MS, &mut |_| {}).await.unwrap();
    drop(book);
    assert!(world.logged().1.values().all(|entry| entry.first_seen_ms == DAY && entry.last_seen_ms == DAY + DAY_MS));
    // The store lags and catches up.
    let stored = World::stored(&world);
    assert!(stored.values().all(|entry| entry.last_seen_ms == DAY));
    drop(Book::open(Some(&world.store()), Some(&world.log())).unwrap());
    assert_eq!(world.stored(), world.logged().1);
    assert_eq!(world.logged().0, 2 * logged.len());
}

#[tokio::test]
async fn thirty_thousand_symbols_sync_fast() {
    let (world, simulator) = (World::new(), simulator(30_000, RestFaults::default()).await);
    let report = world.sync(&simulator, MORNING, &["US", "SIM"]).await.unwrap();
    let wanted = universe(30_000);
    assert_eq!(report.listed, wanted["US"].len() + wanted["SIM"].len());
    assert_eq!(world.stored().len(), report.listed);
}
