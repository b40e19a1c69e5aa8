//! Accounting: every trade that the simulator sent is in the log as often as it was sent, or in a gap.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Trade that the simulator sent.
pub struct SentTrades {
    pub sent_ms: u64,
    pub event_ms: u64,
    pub text: String,
}

/// Content of a log.
#[derive(Default)]
pub struct Kept {
    /// Count of each trade, by its bytes.
    pub trades: BTreeMap<String, u64>,
    /// Gap records of each partition.
    pub gaps: Vec<Vec<Value>>,
}

/// Sums of all trades.
#[derive(Debug, PartialEq, Eq)]
pub struct Balance {
    pub sent: u64,
    pub kept: u64,
    pub missing: u64,
}

#[derive(Deserialize)]
struct SentLine<'a> {
    sent_ms: u64,
    #[serde(borrow)]
    trade: &'a RawValue,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

/// Reads the file of `simulate --sent`.
pub fn read_sent(path: &Path) -> Vec<SentTrades> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| {
        let line: SentLine<'_> = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let trade: Value = serde_json::from_str(line.trade.get()).unwrap();
        SentTrades { sent_ms: line.sent_ms, event_ms: trade["t"].as_u64().unwrap(), text: line.trade.get().to_owned() }
    });
    lines.collect()
}

/// Reads the records of a log, partition by partition.
pub fn read_kept(partitions: &[Vec<String>]) -> Kept {
    let mut kept = Kept::default();
    for records in partitions {
        let mut gaps = Vec::new();
        for record in records {
            if let Some(rest) = record.strip_prefix(r#"{"type":""#) {
                match rest.split('"').next().unwrap() {
                    "trade" => {
                        let frame: Frame<'_> = serde_json::from_str(record).unwrap();
                        for trade in frame.data {
                            *kept.trades.entry(trade.get().to_owned()).or_default() += 1;
                        }
                    }
                    "gap" => gaps.push(serde_json::from_str(record).unwrap()),
                    _ => {}
                }
            } else {
                *kept.trades.entry(record.clone()).or_default() += 1;
            }
        }
        kept.gaps.push(gaps);
    }
    kept
}

/// Compares sent and kept trades. The log must hold no trade more often than it was sent. Missing trades must have been
/// sent within a gap of every partition, and have happened within it unless they were late anyway. Of identical trades
/// at least as many must be in gaps as are missing.
pub fn balance(sent: &[SentTrades], kept: &Kept, max_out_of_orderness_ms: u64) -> Balance {
    let mut sent_of: BTreeMap<&str, Vec<&SentTrades>> = BTreeMap::new();
    sent.iter().for_each(|trade| sent_of.entry(&trade.text).or_default().push(trade));
    for (text, count) in &kept.trades {
        let times = sent_of.get(text.as_str()).map_or(0, |sent| sent.len() as u64);
        assert!(*count <= times, "{text} was sent {times} times and is {count} times in the log");
    }
    let covered = |trade: &SentTrades| {
        kept.gaps.iter().all(|gaps| {
            gaps.iter().any(|gap| {
                let (from_ms, to_ms) = (gap["from_ms"].as_u64().unwrap(), gap["to_ms"].as_u64().unwrap());
                let within = |ms: u64| from_ms <= ms && ms <= to_ms;
                let late = trade.sent_ms - trade.event_ms > max_out_of_orderness_ms;
                within(trade.sent_ms) && (late || within(trade.event_ms))
            })
        })
    };
    let mut missing = 0;
    for (text, sent) in sent_of {
        let absent = sent.len() as u64 - kept.trades.get(text).copied().unwrap_or(0);
        let in_gaps = sent.iter().filter(|trade| covered(trade)).count() as u64;
        let times: Vec<u64> = sent.iter().map(|trade| trade.sent_ms).collect();
        assert!(in_gaps >= absent, "{absent} of {text}, sent at {times:?}, are not in gaps: {:?}", kept.gaps[0]);
        missing += absent;
    }
    Balance { sent: sent.len() as u64, kept: kept.trades.values().sum(), missing }
}

#[test]
fn balance_finds_missing_and_surplus_trades() {
    let sent = |sent_ms| SentTrades { sent_ms, event_ms: sent_ms - 10, text: r#"{"t":1}"#.to_owned() };
    let gap = r#"{"type":"gap","source":"s","from_ms":100,"to_ms":200,"cause":"x"}"#.to_owned();
    let frame = r#"{"type":"trade","data":[{"t":1},{"t":1}]}"#.to_owned();
    let two = read_kept(&[vec![frame.clone(), gap]]);
    assert_eq!(balance(&[sent(50), sent(50), sent(150)], &two, 5), Balance { sent: 3, kept: 2, missing: 1 });
    for times in [vec![50, 50, 99], vec![50, 50, 201], vec![50, 50, 105], vec![50]] {
        let all: Vec<SentTrades> = times.into_iter().map(sent).collect();
        let kept = read_kept(&[vec![frame.clone(), r#"{"type":"gap","from_ms":100,"to_ms":200}"#.to_owned()]]);
        let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| balance(&all, &kept, 15)));
        assert!(broken.is_err());
    }
}
