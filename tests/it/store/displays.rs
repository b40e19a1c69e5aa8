//! Gaps and heartbeats, in every store.

use dataflows::output::row::GapRow;
use dataflows::settings::ProgressMode;
use tickline::store::{Ended, Gap, GapRange, Heartbeat, Life, PartitionLife, RowBatch, SourceLife, StoreError};

use super::suite::{Subject, durable};

const ALL: GapRange = GapRange { from_ms: 0, to_ms: u64::MAX };
/// 2024-02-01T00:00:00Z.
const FEBRUARY: i64 = 1_706_745_600_000;

/// Runs the suite.
pub fn all(make: &dyn Fn() -> Subject) {
    gaps_come_back_whole(&make());
    gaps_are_found_by_time(&make());
    the_last_heartbeat_stays(&make());
}

fn gap(partition: u32, offset: u64, from_ms: i64, to_ms: i64, cause: &str) -> GapRow {
    GapRow { partition, offset, source: "sö\"urce".into(), from_ms, to_ms, cause: cause.into(), as_of: 4_000 }
}

fn write(subject: &Subject, gaps: Vec<GapRow>) {
    let mut store = (subject.writer)();
    let (epoch, _) = store.open_epoch().unwrap();
    let rows = RowBatch { gaps, ..RowBatch::default() };
    store.write(&rows).unwrap();
    // A replay writes the same rows again.
    store.write(&rows).unwrap();
    store.commit_frontier(&durable(5_000 + epoch, 1, epoch), &[]).unwrap();
}

fn read(subject: &Subject, range: GapRange) -> Vec<GapRow> {
    let mut rows = (subject.reader)().gaps(range).unwrap();
    rows.sort_unstable_by_key(|row| (row.partition, row.offset));
    rows
}

fn gaps_come_back_whole(subject: &Subject) {
    write(subject, Vec::new());
    assert!((subject.reader)().gaps(ALL).unwrap().is_empty());
    let long = "é".repeat(512);
    let rows = vec![
        gap(0, 7, FEBRUARY - 5, FEBRUARY + 5, "the feed\0\nclosed"),
        gap(0, 9, FEBRUARY - 5, FEBRUARY + 5, "the feed\0\nclosed"),
        gap(1, 7, FEBRUARY - 5, FEBRUARY + 5, "the feed\0\nclosed"),
        gap(2, 1, i64::MIN, i64::MAX, &long),
        gap(3, u64::from(u32::MAX) * 9, -1, -1, ""),
    ];
    write(subject, rows.clone());
    assert_eq!(read(subject, ALL), rows[..4], "the last is before all time");
    let gaps = Gap::merge(read(subject, ALL), 5_000);
    let partitions: Vec<&[u32]> = gaps.iter().map(|gap| gap.partitions.as_slice()).collect();
    assert_eq!(partitions, [&[2][..], &[0, 1]], "once per gap");
    assert!(gaps.iter().all(|gap| gap.complete));
}

fn gaps_are_found_by_time(subject: &Subject) {
    // One over three months, one in the month before, one of a single moment.
    const DAY: i64 = 86_400_000;
    let rows = vec![
        gap(0, 1, FEBRUARY - 40 * DAY, FEBRUARY + 40 * DAY, "long"),
        gap(0, 2, FEBRUARY - 2 * DAY, FEBRUARY - DAY, "before"),
        gap(0, 3, FEBRUARY + DAY, FEBRUARY + DAY, "moment"),
    ];
    write(subject, rows);
    let found = |from: i64, to: i64| -> Vec<String> {
        let range = GapRange { from_ms: from.unsigned_abs(), to_ms: to.unsigned_abs() };
        read(subject, range).into_iter().map(|row| row.cause.into()).collect()
    };
    assert_eq!(found(FEBRUARY, FEBRUARY + 2 * DAY), ["long", "moment"]);
    assert_eq!(found(FEBRUARY + DAY, FEBRUARY + DAY + 1), ["long", "moment"]);
    assert_eq!(found(FEBRUARY - 2 * DAY, FEBRUARY), ["long", "before"]);
    assert_eq!(found(FEBRUARY + 41 * DAY, FEBRUARY + 99 * DAY), [""; 0]);
    assert_eq!(found(0, FEBRUARY - 40 * DAY), [""; 0], "the end is exclusive");
}

fn beat(epoch: u64, written_ms: u64, ended: Option<Ended>) -> Heartbeat {
    let source = SourceLife { progress_ms: 5, last_record_ms: 6, moved_ms: 7 };
    let partition = PartitionLife {
        waiting: 0,
        partition: 3,
        unread: None,
        frontier_ms: Some(5),
        sources: [("s\"".to_owned(), source)].into(),
    };
    Heartbeat { epoch, written_ms, life: Life { ended, progress: ProgressMode::Records, partitions: vec![partition] } }
}

fn the_last_heartbeat_stays(subject: &Subject) {
    let mut old = (subject.writer)();
    let (first, _) = old.open_epoch().unwrap();
    assert_eq!((subject.reader)().heartbeat().unwrap(), None);
    old.beat(&beat(first, 10_000, None)).unwrap();
    old.beat(&beat(first, 15_000, Some(Ended::Stopped))).unwrap();
    assert_eq!((subject.reader)().heartbeat().unwrap(), Some(beat(first, 15_000, Some(Ended::Stopped))));
    let mut new = (subject.writer)();
    let (second, _) = new.open_epoch().unwrap();
    assert_eq!(new.heartbeat().unwrap(), Some(beat(first, 15_000, Some(Ended::Stopped))), "of the run before");
    // The clock of the new one's machine may be behind.
    new.beat(&beat(second, 12_000, None)).unwrap();
    match old.beat(&beat(first, 20_000, None)) {
        // A store without a fence for it keeps both.
        Ok(()) | Err(StoreError::Fenced { .. }) => {}
        Err(error) => panic!("{error}"),
    }
    assert_eq!((subject.reader)().heartbeat().unwrap(), Some(beat(second, 12_000, None)));
}
