//! Progress follows signs of life, and gaps begin where it ended.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// A feed whose log takes everything, and the records of that log.
fn healthy(limits: QueueLimits) -> (Feed, std_mpsc::Receiver<String>) {
    let (written, records) = std_mpsc::channel();
    let writer = Lossy { lost_left: 0, waiting: Vec::new(), delivery_reports: Vec::new(), written };
    (Feed::new(writer, limits, None, None).0, records)
}

/// The records after these events, and a stop that is not clean.
fn records_of(events: impl FnOnce(&mut Feed), end_ms: u64) -> Vec<String> {
    let (mut feed, records) = healthy(QueueLimits::default());
    events(&mut feed);
    feed.end(false, end_ms);
    records.iter().collect()
}

#[test]
fn a_silent_feed_stalls_progress_and_is_a_gap_from_there() {
    let records = records_of(
        |feed| {
            feed.connected(1_000);
            feed.progress(2_000);
            feed.alive(10_000, 10_100);
            (11..=20).for_each(|second| feed.progress(second * 1_000));
            // Texts alone are not a sign of life.
            feed.text(r#"{"type":"ping"}"#, 20_000);
            feed.progress(20_500);
            assert!(feed.intake.meter.is_withheld(Withheld::Feed));
            feed.lost("no sign of life", 21_000);
            feed.progress(22_000);
            feed.connected(23_000);
            feed.progress(24_000);
            feed.alive(24_500, 24_600);
            feed.progress(24_700);
            assert!(!feed.intake.meter.is_withheld(Withheld::Feed));
        },
        24_800,
    );
    let mut expected = vec![progress(8_500); 13];
    expected.extend([gap(8_500, 24_600, "no sign of life"), progress(23_000)]);
    assert_eq!(records, expected);
}

#[test]
fn a_stop_reports_a_silent_or_lost_feed() {
    let alive = |feed: &mut Feed| {
        feed.connected(4_000);
        feed.alive(4_000, 4_100);
    };
    assert_eq!(records_of(alive, 9_000), [""; 0], "a pong may be under way");
    assert_eq!(records_of(alive, 9_001), [gap(2_500, 9_001, "reconnected")]);
    let lost = |feed: &mut Feed| {
        alive(feed);
        feed.lost("cut", 5_000);
    };
    assert_eq!(records_of(lost, 5_500), [gap(2_500, 5_500, "cut")]);
    let again = |feed: &mut Feed| {
        lost(feed);
        feed.connected(5_200);
    };
    assert_eq!(records_of(again, 5_500), [gap(2_500, 5_500, "cut")]);
}

#[test]
fn only_what_comes_after_the_first_connection_can_be_missing() {
    let attempts = |feed: &mut Feed| {
        feed.lost("refused", 1_000);
        feed.connected(4_000);
        feed.alive(4_000, 4_100);
    };
    assert_eq!(records_of(attempts, 4_200), [""; 0]);
    let died_at_once = |feed: &mut Feed| {
        feed.connected(4_000);
        feed.lost("cut", 5_000);
        feed.connected(6_000);
        feed.alive(6_000, 6_100);
    };
    assert_eq!(records_of(died_at_once, 6_200), [gap(2_500, 6_100, "cut")]);
}

#[test]
fn nothing_is_reported_while_the_clock_is_in_doubt() {
    const HOUR_MS: u64 = 3_600_000;
    let trade = |ms: u64| format!(r#"{{"data":[{{"s":"A","t":{ms}}}],"type":"trade"}}"#);
    let mut records = records_of(
        |feed| {
            feed.connected(1_000);
            feed.alive(2_000, 2_000);
            feed.progress(2_000);
            // The clock is set forward by an hour; the feed goes on, with trades of the old time.
            for second in 3..10 {
                feed.alive(second * 1_000, second * 1_000);
                feed.text(&trade(second * 1_000), second * 1_000);
                feed.progress_with(second * 1_000, HOUR_MS as i64);
            }
            let meter = feed.intake.meter.clone();
            assert!(meter.is_withheld(Withheld::Clock) && meter.clock_steps.get() == 1);
            // A loss in that time may be at either time.
            feed.lost("cut", 10_000);
            feed.connected(11_000);
            feed.alive(11_000, 11_100);
            // It is set back to what it was.
            feed.progress(12_000);
            assert!(!meter.is_withheld(Withheld::Clock));
            // The clock is set forward again, and this time trades agree.
            feed.alive(13_000, 13_000);
            feed.progress_with(13_000, HOUR_MS as i64);
            (0..3).for_each(|_| feed.text(&trade(HOUR_MS + 13_500), 14_000));
            feed.progress_with(14_000, HOUR_MS as i64);
        },
        14_000,
    );
    records.retain(|record| record.contains(r#""type""#));
    let mut expected = vec![progress(500); 8];
    expected.push(gap(7_500, HOUR_MS + 11_100, "cut"));
    expected.extend([progress(9_500), progress(9_500), progress(HOUR_MS + 11_500)]);
    assert_eq!(records, expected);
}

#[test]
fn a_clock_that_was_fast_leaves_gaps_at_the_true_time() {
    const MINUTE_MS: u64 = 60_000;
    let trade = |ms: u64| format!(r#"{{"data":[{{"s":"A","t":{ms}}}],"type":"trade"}}"#);
    let mut records = records_of(
        |feed| {
            feed.connected(2 * MINUTE_MS);
            feed.alive(2 * MINUTE_MS, 2 * MINUTE_MS);
            feed.progress(2 * MINUTE_MS);
            feed.progress_with(2 * MINUTE_MS + 1_000, -(MINUTE_MS as i64));
            (0..3).for_each(|_| feed.text(&trade(MINUTE_MS + 2_000), 2 * MINUTE_MS + 2_000));
            feed.lost("cut", 2 * MINUTE_MS + 2_100);
            feed.progress_with(2 * MINUTE_MS + 3_000, -(MINUTE_MS as i64));
        },
        2 * MINUTE_MS + 4_000,
    );
    records.retain(|record| record.contains(r#""type""#));
    // Progress cannot be taken back.
    let mut expected = vec![progress(2 * MINUTE_MS - 1_500); 3];
    expected.push(gap(MINUTE_MS - 1_500, MINUTE_MS + 4_000, "cut"));
    assert_eq!(records, expected);
}

/// One event of a feed, some milliseconds after the one before.
#[derive(Clone, Copy, Debug)]
enum Step {
    Text,
    /// A pong to a ping that was sent this many milliseconds ago.
    Alive(u64),
    Reconnect,
    Progress,
}

fn step() -> impl Strategy<Value = (u64, Step)> {
    let kind = prop_oneof![
        3 => Just(Step::Text),
        3 => (0..3_000u64).prop_map(Step::Alive),
        1 => Just(Step::Reconnect),
        3 => Just(Step::Progress),
    ];
    (0..2_500u64, kind)
}

proptest! {
    #[test]
    fn what_was_complete_is_never_in_a_later_gap(steps in prop::collection::vec(step(), 1..60), full in any::<bool>()) {
        let limits = if full { QueueLimits { bytes_max: 1, ..QueueLimits::default() } } else { QueueLimits::default() };
        let (mut feed, records) = healthy(limits);
        let (mut ms, mut opened_ms, mut alive_ms) = (10_000, 10_000, None);
        // Start and end of each time in which something may be missing.
        let (mut away_ms, mut missing) = (None, Vec::new());
        feed.connected(ms);
        for (after_ms, step) in steps {
            ms += after_ms;
            match step {
                Step::Text => feed.text(r#"{"data":[{"s":"A"}],"type":"trade"}"#, ms),
                Step::Alive(ago_ms) => {
                    let as_of_ms = (ms - ago_ms).max(opened_ms);
                    feed.alive(as_of_ms, ms);
                    missing.extend(away_ms.take().map(|from_ms| (from_ms, ms)));
                    alive_ms = alive_ms.max(Some(as_of_ms));
                }
                Step::Reconnect => {
                    feed.lost("cut", ms);
                    feed.connected(ms);
                    opened_ms = ms;
                    away_ms = away_ms.or(alive_ms);
                }
                Step::Progress => feed.progress(ms),
            }
        }
        feed.end(true, ms);
        missing.extend(away_ms.map(|from_ms| (from_ms, ms)));
        let records: Vec<Value> = records.iter().map(|record| serde_json::from_str(&record).unwrap()).collect();
        let number = |record: &Value, key: &str| record[key].as_u64().unwrap();
        let (mut complete_ms, mut gaps) = (0, Vec::new());
        for record in &records {
            if record["type"] == "progress" {
                let event_ms = number(record, "event_ms");
                prop_assert!(event_ms >= complete_ms);
                prop_assert!(alive_ms.is_some_and(|alive_ms| event_ms + 1_500 <= alive_ms));
                complete_ms = event_ms;
            } else if record["type"] == "gap" {
                prop_assert!(complete_ms <= number(record, "from_ms"), "{complete_ms}: {records:?}");
                gaps.push((number(record, "from_ms"), number(record, "to_ms")));
            }
        }
        for (from_ms, to_ms) in missing {
            let is_covered = gaps.iter().any(|gap| gap.0 + 1_500 <= from_ms && to_ms <= gap.1);
            prop_assert!(is_covered, "{from_ms} to {to_ms}: {gaps:?}");
        }
    }
}
