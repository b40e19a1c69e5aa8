//! Gaps as readers see them: a source writes its gap to every partition of the log, and readers see it once.

use std::collections::BTreeMap;

use dataflows::output::row::GapRow;
use dataflows::progress::time::Time;
use serde::Serialize;

/// A gap: trades of this source and span may be missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The source.
    pub source: String,
    /// Start of the span, in Unix milliseconds, as the source says.
    pub from_ms: i64,
    /// End of the span, in Unix milliseconds, as the source says.
    pub to_ms: i64,
    /// What happened.
    pub cause: String,
    /// The partitions that report it, ascending.
    pub partitions: Vec<u32>,
    /// Time step of the last of these reports.
    pub as_of: Time,
    /// Whether the frontier has passed all of these reports. Until then other partitions may report it, too.
    pub complete: bool,
}

/// Start, end, source and cause of a gap.
type Key = (i64, i64, Box<str>, Box<str>);
/// The partitions that report a gap, and the time step of the last report.
type Reports = (Vec<u32>, Time);

/// A range of time. Every gap that has a moment in common with it is in it.
#[derive(Clone, Copy, Debug)]
pub struct GapRange {
    /// Start.
    pub from_ms: u64,
    /// End, exclusive.
    pub to_ms: u64,
}

impl GapRange {
    /// Start and end as signed times.
    pub fn bounds(self) -> (i64, i64) {
        let signed = |ms| i64::try_from(ms).unwrap_or(i64::MAX);
        (signed(self.from_ms), signed(self.to_ms))
    }

    /// Whether a gap is in the range. One of a single moment is, too, and one whose end comes before its start.
    pub fn contains(self, row: &GapRow) -> bool {
        let (from_ms, to_ms) = self.bounds();
        row.from_ms.min(row.to_ms) < to_ms && row.from_ms.max(row.to_ms) >= from_ms
    }
}

impl Gap {
    /// Merges rows that differ in the partition, the offset and the time only. Ascending by start, end, source, cause.
    pub fn merge(rows: impl IntoIterator<Item = GapRow>, frontier: Time) -> Vec<Self> {
        let mut gaps: BTreeMap<Key, Reports> = BTreeMap::new();
        for GapRow { partition, source, from_ms, to_ms, cause, as_of, .. } in rows {
            let (partitions, last) = gaps.entry((from_ms, to_ms, source, cause)).or_default();
            partitions.push(partition);
            *last = as_of.max(*last);
        }
        let gap = |((from_ms, to_ms, source, cause), (mut partitions, as_of)): (Key, Reports)| {
            partitions.sort_unstable();
            partitions.dedup();
            let complete = as_of < frontier;
            Self { source: source.into(), from_ms, to_ms, cause: cause.into(), partitions, as_of, complete }
        };
        gaps.into_iter().map(gap).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(partition: u32, offset: u64, span: (i64, i64), cause: &str, as_of: Time) -> GapRow {
        GapRow { partition, offset, source: "a".into(), from_ms: span.0, to_ms: span.1, cause: cause.into(), as_of }
    }

    #[test]
    fn one_gap_however_many_partitions_report_it() {
        let rows = [
            row(2, 5, (10, 20), "closed", 9),
            row(0, 7, (10, 20), "closed", 30),
            row(2, 8, (10, 20), "closed", 12),
            row(0, 9, (10, 20), "lost", 8),
            row(1, 1, (-5, 20), "closed", 1),
        ];
        let gaps = Gap::merge(rows, 30);
        let found: Vec<_> =
            gaps.iter().map(|gap| (gap.from_ms, gap.cause.as_str(), gap.partitions.as_slice(), gap.complete)).collect();
        let expected: [(i64, &str, &[u32], bool); 3] =
            [(-5, "closed", &[1], true), (10, "closed", &[0, 2], false), (10, "lost", &[0], true)];
        assert_eq!(found, expected);
        assert!(Gap::merge(Vec::new(), 5).is_empty());
    }

    #[test]
    fn a_range_holds_what_overlaps_it() {
        let range = GapRange { from_ms: 100, to_ms: 200 };
        let holds = |from_ms, to_ms| range.contains(&row(0, 0, (from_ms, to_ms), "", 0));
        assert_eq!(
            [(0, 99), (0, 100), (150, 150), (199, 500), (200, 500)].map(|(from, to)| holds(from, to)),
            [false, true, true, true, false]
        );
        assert!(holds(i64::MIN, i64::MAX) && holds(150, 120), "whatever the record says");
        assert!(GapRange { from_ms: 0, to_ms: u64::MAX }.contains(&row(0, 0, (5, 6), "", 0)));
    }
}
