//! Files of settings: the conditions table, `tickline.toml`, calendars, and the settings of Kafka and Cassandra. No
//! error shows a value.

use std::path::Path;

use clap::{Command, CommandFactory as _};
use dataflows::calendar::Place;
use dataflows::log::conditions::{ConditionTable, ConditionsError};
use tickline::calendar::Calendar;
use tickline::command::cli::Cli;
use tickline::command::config_file::with_text;
use tickline::log::kafka::address::KafkaAddress;
use tickline::log::kafka::config::client_config;
use tickline::store::cassandra::address::CassandraAddress;
use tickline::store::cassandra::config::Config;

use crate::canary::{CANARY, planted};
use crate::scratch::file;

/// Checks one file. The first byte is its kind, the two that follow are the place of a secret.
pub fn check(data: &[u8]) {
    let Some((&[kind, line, offset], text)) = data.split_first_chunk() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let planted = planted(text, line as usize, offset as usize % 4);
    for text in [Some(text), planted.as_deref()].into_iter().flatten() {
        let error = match kind % 5 {
            0 => conditions(text),
            1 => tickline(text),
            2 => kafka(text),
            3 => cassandra(text),
            _ => calendar(text),
        };
        let Some(error) = error else { continue };
        assert!(!error.is_empty() && !error.contains(CANARY), "an error shows a value: {error}");
    }
}

/// A table never lets open and close lie outside low and high.
fn conditions(text: &str) -> Option<String> {
    let table = match ConditionTable::from_toml(text) {
        Ok(table) => table,
        // The prefix of a scheme is shown: it is the beginning of symbols.
        Err(ConditionsError::LastWithoutRange(_)) => return None,
        Err(error) => return Some(error.to_string()),
    };
    for symbol in ["AAPL", "BINANCE:BTCUSDT", "US:A", "", "é"] {
        let scheme = table.scheme_of(symbol);
        for conditions in [&[][..], &["1"], &["12", "16"], &["20", "9", "zz"], &["2020"], &["ffffffffffffffff"]] {
            let flags = table.flags(scheme, conditions);
            assert!(flags.range || !flags.last, "{conditions:?} of {symbol}: {flags:?}");
        }
    }
    assert!(!table.flags(table.scheme_of("A"), &[] as &[&str]).is_none());
    None
}

/// Sessions never overlap, and each time lies where its session says.
fn calendar(text: &str) -> Option<String> {
    let calendar = match Calendar::from_toml("calendar.toml", text) {
        Ok(calendar) => calendar,
        Err(error) => return Some(error.to_string()),
    };
    let schedule = calendar.schedule();
    let mut end_ms = 0;
    for day in schedule.all() {
        for session in &day.sessions {
            assert!(end_ms <= session.start_ms && session.start_ms < session.end_ms, "{day:?}");
            end_ms = session.end_ms;
            for ms in [session.start_ms, session.end_ms - 1] {
                assert_eq!(schedule.at(ms), Place::In(day.day, session.part));
            }
        }
    }
    None
}

fn tickline(text: &str) -> Option<String> {
    thread_local! {
        static COMMAND: Command = Cli::command();
    }
    with_text(COMMAND.with(Clone::clone), Path::new("tickline.toml"), text).err().map(|error| error.to_string())
}

fn kafka(text: &str) -> Option<String> {
    let file = file("settings", text.as_bytes());
    let address = KafkaAddress { brokers: "h:1".into(), topic: "t".into(), config: Some(file), with_librdkafka: false };
    client_config(&address).err().map(|error| error.to_string())
}

fn cassandra(text: &str) -> Option<String> {
    // Another file would be read, which may be any on this machine.
    if text.contains("file") || text.contains('\\') {
        return None;
    }
    let file = file("settings", text.as_bytes());
    let address = CassandraAddress { hosts: vec!["h:1".into()], keyspace: "k".into(), config: Some(file) };
    Config::read(&address).err().map(|error| error.to_string())
}
