//! The frontier of one partition as its records are read, without computing rows: for readers that look ahead of the
//! workers, under the default settings and by progress records.

use crate::log::batch::RecordSpan;
use crate::log::control::Control;
use crate::log::decode::{RawTrade, Visitor, decode};
use crate::log::reject::Reason;
use crate::progress::partition::{PartitionFrontier, RecordContext};
use crate::progress::time::{ALLOWED_LATENESS_MS, MAX_AHEAD_MS, MAX_AHEAD_TRADE_MS, STEP_MS, Time, floor_step};
use crate::settings::ProgressMode;

/// A partition's frontier, moved by each record in turn.
#[derive(Clone, Debug, Default)]
pub struct FrontierScan {
    /// The frontier after the last record.
    pub frontier: PartitionFrontier,
}

impl FrontierScan {
    /// Continues from this frontier.
    pub fn new(frontier: PartitionFrontier) -> Self {
        Self { frontier }
    }

    /// Reads the next record, and passes on the control record in it. Returns the greatest time given to anything in
    /// it that becomes a row: `None` for a control record.
    pub fn read(&mut self, span: &RecordSpan, record: &[u8], on_control: impl FnMut(&Control<'_>)) -> Option<Time> {
        let context = RecordContext::with_defaults(span.timestamp_ms);
        let mut reading = Reading { frontier: &mut self.frontier, context, time_max: None, on_control };
        decode(record, span.total_len, &mut reading);
        reading.time_max
    }
}

struct Reading<'a, F> {
    frontier: &'a mut PartitionFrontier,
    context: RecordContext,
    time_max: Option<Time>,
    on_control: F,
}

impl<F: FnMut(&Control<'_>)> Reading<'_, F> {
    fn note(&mut self, time_ms: u64) {
        let time = floor_step(time_ms, STEP_MS);
        self.frontier.note(time);
        self.time_max = self.time_max.max(Some(time));
    }
}

impl<F: FnMut(&Control<'_>)> Visitor for Reading<'_, F> {
    fn trade(&mut self, _: u32, trade: &RawTrade<'_>) {
        self.frontier.confirm(trade.event_ms, MAX_AHEAD_MS);
        let frontier_ms = self.frontier.frontier_ms();
        let now_ms = frontier_ms.unwrap_or(0);
        let is_too_late = trade.event_ms < now_ms.saturating_sub(ALLOWED_LATENESS_MS);
        let known_ms = frontier_ms.or(self.context.timestamp_ms);
        if is_too_late || known_ms.is_some_and(|ms| trade.event_ms > ms.saturating_add(MAX_AHEAD_TRADE_MS)) {
            return self.note(now_ms);
        }
        self.note(trade.event_ms.max(now_ms));
        self.frontier.observe(trade.event_ms, ProgressMode::Records);
    }

    fn reject(&mut self, _: u32, _: Reason, _: &[u8]) {
        self.note(self.frontier.frontier_ms().unwrap_or(0));
    }

    fn control(&mut self, control: Control<'_>) {
        if control.apply(self.frontier, &self.context).is_err() {
            // The dataflow rejects it as well.
            return self.reject(0, Reason::BadControl, &[]);
        }
        (self.on_control)(&control);
    }
}
