//! Two processes that ingest one source: at most one of them writes, and what neither has written is in a gap.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;
use simulator::SimulatorConfig;
use simulator::market::{DELAY_MS_MAX, Market};
use simulator::universe::Universe;

use super::ingest::{
    ACTIVITY, MAX_OUT_OF_ORDERNESS_MS, PARTITIONS, books, finish, more_acknowledged, more_trades, records, simulate,
    start_with_key,
};
use crate::shared::account::{SentTrades, balance, read_kept, read_sent};
use crate::shared::broker::{log_address, shared, topic};
use crate::shared::process::{Home, Running};

fn signal(process: &Running, name: &str) {
    assert!(Command::new("kill").args([name, &process.id().to_string()]).status().unwrap().success());
}

/// How often each trade happened. The simulator sends every trade to each connection, so its file of sent trades has
/// more while there are two.
fn market(sent: &[SentTrades]) -> BTreeMap<String, u64> {
    let config = SimulatorConfig::default();
    let universe = Arc::new(Universe::new(config.symbols).busier(ACTIVITY));
    let from_ms = sent.iter().map(|trade| trade.event_ms).min().unwrap() - 2_000;
    let to_ms = sent.iter().map(|trade| trade.sent_ms).max().unwrap();
    let mut market = Market::new(config.seed, Arc::clone(&universe), from_ms);
    (0..universe.instruments().len()).for_each(|instrument| assert!(market.subscribe(instrument)));
    let (mut trades, mut times) = (Vec::new(), BTreeMap::new());
    market.advance(to_ms + DELAY_MS_MAX, &mut trades);
    for trade in trades {
        let mut text = Vec::new();
        trade.write_json(&universe.instruments()[trade.instrument as usize], &mut text);
        *times.entry(String::from_utf8(text).unwrap()).or_default() += 1;
    }
    times
}

/// No trade is in the log more often than it happened, and all that are missing lie in gaps.
fn account(name: &str, sent: &Path) {
    let (mut sent, kept) = (read_sent(sent), read_kept(&records(shared(), name)));
    let mut left = market(&sent);
    let taken_over = |gap: &&Value| gap["cause"].as_str().unwrap().contains("without a bye");
    let gap = kept.gaps[0].iter().find(taken_over).expect("a gap between the two");
    let to_ms = gap["to_ms"].as_u64().unwrap();
    sent.sort_by_key(|trade| trade.sent_ms);
    let all = sent.len();
    sent.retain(|trade| {
        let times = left.get_mut(&trade.text).expect("a trade that happened");
        let is_first = *times > 0;
        *times = times.saturating_sub(1);
        // A connection gets no trade that was on its way when it was made.
        let is_for_both = trade.event_ms > to_ms + 1_000 || trade.sent_ms <= to_ms;
        is_first && (is_for_both || kept.trades.contains_key(&trade.text))
    });
    let twice = all - sent.len();
    println!("{twice} trades were sent twice");
    let balance = balance(&sent, &kept, MAX_OUT_OF_ORDERNESS_MS);
    assert!(balance.kept > 200, "{balance:?}");
}

#[test]
fn a_second_ingest_of_a_source_ends_the_first() {
    let (home, homes, name) = (Home::new(), [Home::new(), Home::new()], topic(PARTITIONS));
    let (simulator, feed) = simulate(&home);
    let start = |at: usize| start_with_key(&homes[at], &log_address(&name), &feed, "--source one", at);
    let (first, metrics) = start(0);
    more_acknowledged(&metrics);
    let (mut second, metrics) = start(1);
    first.end("the first").is(4, &["taken over the source \"one\"", &name]);
    assert!(second.is_alive(), "{}", second.stderr());
    more_trades(&metrics, 300.0);
    more_acknowledged(&metrics);
    finish(simulator, second);
    account(&name, &home.path("sent"));
}

#[test]
fn a_suspended_ingest_writes_nothing_that_its_successor_wrote() {
    let (home, homes, name) = (Home::new(), [Home::new(), Home::new()], topic(PARTITIONS));
    let (simulator, feed) = simulate(&home);
    let start = |at: usize| start_with_key(&homes[at], &log_address(&name), &feed, "--source one", at);
    let (first, metrics) = start(0);
    more_acknowledged(&metrics);
    signal(&first, "-STOP");
    let (mut second, metrics) = start(1);
    more_trades(&metrics, 300.0);
    more_acknowledged(&metrics);
    // What the feed sent meanwhile waits in the connection of the first one.
    signal(&first, "-CONT");
    first.end("the first").is(4, &["taken over the source \"one\"", &name]);
    assert!(second.is_alive(), "{}", second.stderr());
    more_trades(&metrics, 300.0);
    finish(simulator, second);
    account(&name, &home.path("sent"));
}

#[test]
fn a_second_ingest_with_the_same_state_file_is_rejected() {
    let (home, name) = (Home::new(), topic(PARTITIONS));
    let (simulator, feed) = simulate(&home);
    let start = |key| start_with_key(&home, &log_address(&name), &feed, "--source one", key);
    let (mut first, metrics) = start(0);
    more_acknowledged(&metrics);
    let line = format!(
        "ingest --log {} --url ws://{feed}/ --watchlist list --token-file key --source one",
        log_address(&name)
    );
    let holder = format!("process {}", first.id());
    home.fails(&line, 2, &["\"one\" is being ingested by another process", &holder]);
    assert!(first.is_alive(), "{}", first.stderr());
    more_acknowledged(&metrics);
    finish(simulator, first);
    let (balance, _) = books(&records(shared(), &name), &home.path("sent"));
    assert!(balance.kept > 200, "{balance:?}");
}
