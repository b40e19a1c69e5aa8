//! Control records and bindings, line by line: what is decoded encodes to the same, and no sequence of them moves a
//! frontier back.

use dataflows::log::binding::{Binding, ProgressRecord, is_torn};
use dataflows::log::control::{self, Control, ImportContent, ImportState};
use dataflows::log::decode::{RawTrade, Visitor, decode};
use dataflows::log::reject::Reason;
use dataflows::progress::partition::{PartitionFrontier, RecordContext, SOURCES_MAX};
use dataflows::progress::time::{DAY_MS, EVENT_MS_END, MAX_AHEAD_MS, STEP_MS, floor_step};

/// Checks the records of one partition. The first byte says which times the log has.
pub fn check(data: &[u8]) {
    let Some((kind, text)) = data.split_first() else { return };
    let mut partition = Partition::default();
    for (offset, record) in text.split(|byte| *byte == b'\n').enumerate() {
        let timestamp_ms = (kind % 2 == 1).then_some(1_700_000_000_000 + 1_000 * offset as u64);
        partition.context.timestamp_ms = timestamp_ms;
        decode(record, record.len() as u64, &mut partition);
        partition.bind(offset as u64, record);
    }
}

struct Partition {
    frontier: PartitionFrontier,
    context: RecordContext,
}

impl Default for Partition {
    fn default() -> Self {
        let context = RecordContext { step_ms: STEP_MS, max_ahead_ms: MAX_AHEAD_MS, timestamp_ms: None };
        Self { frontier: PartitionFrontier::default(), context }
    }
}

impl Partition {
    fn change(&mut self, change: impl FnOnce(&mut PartitionFrontier, &RecordContext)) {
        let before = self.frontier.clone();
        change(&mut self.frontier, &self.context);
        let after = self.frontier.frontier_ms();
        assert!(before.frontier_ms() <= after, "the frontier goes back from {before:?} to {after:?}");
        // A bye moves it past a time given before, by one time step.
        assert!(after.is_none_or(|ms| ms <= EVENT_MS_END as u64 + DAY_MS), "{after:?}");
        assert!(self.frontier.sources().count() <= SOURCES_MAX);
    }

    fn bind(&mut self, place: u64, record: &[u8]) {
        let Some(decoded) = ProgressRecord::decode(place, record) else { return };
        assert!(!is_torn(record));
        let encoded = decoded.encode();
        assert_eq!(ProgressRecord::decode(place, &encoded), Some(decoded.clone()));
        for len in 0..encoded.len() {
            assert!(ProgressRecord::decode(place, &encoded[..len]).is_none(), "a part of it is a record, too");
        }
        if let ProgressRecord::Binding(binding @ Binding { offset, .. }) = decoded {
            self.change(|frontier, _| frontier.bind(&binding));
            assert!(self.frontier.bound_offset() >= offset && self.frontier.bound_by() > place);
        }
    }
}

impl Visitor for Partition {
    fn trade(&mut self, _: u32, trade: &RawTrade<'_>) {
        let (event_ms, symbol) = (trade.event_ms, trade.symbol.to_owned());
        self.change(|frontier, context| {
            frontier.confirm(event_ms, context.max_ahead_ms);
            frontier.note(floor_step(event_ms.max(frontier.frontier_ms().unwrap_or(0)), STEP_MS));
            frontier.observe(event_ms, dataflows::settings::ProgressMode::Records);
            frontier.observe_symbol(&symbol);
        });
    }

    fn control(&mut self, control: Control<'_>) {
        if let Some(record) = encoded(&control) {
            let mut same = Same { expected: control, found: false };
            decode(&record, record.len() as u64, &mut same);
            assert!(same.found, "{control:?} is encoded as {}", String::from_utf8_lossy(&record));
        }
        self.change(|frontier, context| {
            let _ = control.apply(frontier, context);
        });
    }

    fn reject(&mut self, _: u32, _: Reason, _: &[u8]) {}
}

/// The record of a control record; `None` for a gap before 1970, which no source writes.
fn encoded(control: &Control<'_>) -> Option<Vec<u8>> {
    Some(match *control {
        Control::Progress { source, event_ms } => control::progress(source, event_ms),
        Control::Gap { source, from_ms, to_ms, cause } => {
            control::gap(source, u64::try_from(from_ms).ok()?, u64::try_from(to_ms).ok()?, cause)
        }
        Control::Bye { source } => control::bye(source),
        Control::Import { source, hash, from_ms, to_ms, state } => {
            let state = if state == ImportState::Begin { ImportState::Begin } else { ImportState::End };
            let (name, hash) = (source.to_owned(), hash.to_owned());
            control::import(source, state, &ImportContent { name, hash, records: 1, from_ms, to_ms })
        }
    })
}

/// Expects one control record.
struct Same<'a> {
    expected: Control<'a>,
    found: bool,
}

impl Visitor for Same<'_> {
    fn trade(&mut self, _: u32, trade: &RawTrade<'_>) {
        panic!("a control record is a trade, too: {trade:?}");
    }

    fn control(&mut self, control: Control<'_>) {
        assert_eq!(control, self.expected);
        self.found = true;
    }

    fn reject(&mut self, _: u32, reason: Reason, _: &[u8]) {
        panic!("what was encoded is rejected: {reason:?}");
    }
}
