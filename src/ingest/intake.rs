//! Decisions of the ingest: what is written, what is rejected, and which gaps are reported. Nothing here waits.

use std::time::Instant;

use dataflows::log::control;
use tracing::{error, warn};

use super::metrics::{GapKind, Meter};
use super::writer::job::{Gone, Loss};
use super::writer::queue::Queue;
use super::{IngestConfig, router};
use crate::finnhub::client::FeedEvent;

/// Error of the feed when the plan allows fewer symbols. It does not name the symbol.
const TOO_MANY_SYMBOLS: &str = "too many symbols";

pub(super) struct Intake {
    source: String,
    max_out_of_orderness_ms: u64,
    queue: Queue,
    meter: Meter,
    progress_ms: u64,
    /// Time of the last text or connection; `None` before the first connection.
    alive_ms: Option<u64>,
    /// Start of the gap of a predecessor that ended without a `bye`.
    predecessor_ms: Option<u64>,
    /// Cause of a lost connection.
    lost: Option<String>,
    /// Rejected trades: from, to, count.
    rejected: Option<(u64, u64, u64)>,
    /// A gap that did not fit into the queue.
    unreported: Option<Gap>,
}

struct Gap {
    from_ms: u64,
    to_ms: u64,
    kind: GapKind,
    cause: String,
}

impl Intake {
    pub fn new(config: &IngestConfig, queue: Queue, predecessor_ms: Option<u64>) -> Self {
        Self {
            source: config.source.clone(),
            max_out_of_orderness_ms: config.max_out_of_orderness_ms,
            queue,
            meter: config.meter.clone(),
            progress_ms: 0,
            alive_ms: None,
            predecessor_ms,
            lost: None,
            rejected: None,
            unreported: None,
        }
    }

    /// Handles an event of the feed.
    pub fn take(&mut self, event: FeedEvent, now_ms: u64) -> Result<(), Gone> {
        match event {
            FeedEvent::Text { text, at } => self.text(text.as_str(), at, now_ms),
            FeedEvent::Connected => self.connected(now_ms),
            FeedEvent::Lost { cause } => {
                self.meter.connected.set(0);
                // The first cause is the one that started the gap.
                self.lost.get_or_insert(cause);
                Ok(())
            }
        }
    }

    fn text(&mut self, text: &str, taken: Instant, now_ms: u64) -> Result<(), Gone> {
        self.alive_ms = Some(now_ms);
        let clock_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
        self.meter.frame_ms.set(clock_ms);
        self.meter.frames.inc();
        let routed = router::route(text, self.queue.partitions());
        if let Some(complaint) = &routed.complaint {
            self.complained(complaint);
        }
        if routed.records.is_empty() {
            return Ok(());
        }
        if routed.trades > 0 {
            self.meter.trade_ms.set(clock_ms);
        }
        let elements = routed.trades + routed.malformed;
        if self.queue.offer(routed.records, taken)? {
            self.meter.trades.inc_by(routed.trades);
            self.meter.malformed.inc_by(routed.malformed);
            return Ok(());
        }
        self.meter.rejected.inc_by(elements);
        let from_ms = now_ms.saturating_sub(self.max_out_of_orderness_ms);
        let (from_ms, rejected) = self.rejected.map_or((from_ms, 0), |(from_ms, _, rejected)| (from_ms, rejected));
        self.rejected = Some((from_ms, now_ms, rejected + elements));
        Ok(())
    }

    fn complained(&self, complaint: &str) {
        self.meter.complaints.inc();
        if complaint.to_lowercase().contains(TOO_MANY_SYMBOLS) {
            self.meter.too_many_symbols.inc();
            error!(complaint, "the plan allows fewer symbols than requested: a symbol gets no trades");
        } else {
            warn!(complaint, "error message from the feed");
        }
    }

    /// Trades since the last sign of life, of this ingest or of its predecessor, may be missing.
    fn connected(&mut self, now_ms: u64) -> Result<(), Gone> {
        self.meter.connections.inc();
        self.meter.connected.set(1);
        let gap = self.missed(now_ms);
        if gap.is_none() {
            // Nothing is queued yet, so this always fits.
            self.queue.begin(now_ms.saturating_sub(self.max_out_of_orderness_ms))?;
        }
        self.lost = None;
        self.predecessor_ms = None;
        self.alive_ms = Some(now_ms);
        gap.map_or(Ok(()), |gap| self.report_gap(gap))
    }

    fn missed(&self, to_ms: u64) -> Option<Gap> {
        match (self.alive_ms, self.predecessor_ms) {
            (Some(alive_ms), _) => {
                let cause = self.lost.clone().unwrap_or_else(|| "reconnected".to_owned());
                let from_ms = alive_ms.saturating_sub(self.max_out_of_orderness_ms);
                Some(Gap { from_ms, to_ms, kind: GapKind::Reconnect, cause })
            }
            (None, Some(from_ms)) => {
                let cause = "the source's process ended without a bye".to_owned();
                Some(Gap { from_ms, to_ms: to_ms.max(from_ms), kind: GapKind::Restart, cause })
            }
            (None, None) => None,
        }
    }

    /// Reports progress, and gaps that did not fit into the queue before. There is no progress before the first
    /// connection.
    pub fn progress(&mut self, now_ms: u64) -> Result<(), Gone> {
        if let Some(gap) = self.unreported.take() {
            self.report_gap(gap)?;
        }
        if let Some(gap) = self.rejected.take().map(rejection) {
            self.report_gap(gap)?;
        }
        if let Some(Loss { from_ms, records }) = self.queue.take_loss() {
            let cause = control::lost_cause(records);
            self.report_gap(Gap { from_ms, to_ms: now_ms, kind: GapKind::Lost, cause })?;
        }
        let Some(alive_ms) = self.alive_ms else { return Ok(()) };
        if self.unreported.is_some() {
            // Progress must not overtake the gap before it; the next progress record is at least as far.
            return Ok(());
        }
        // The wall clock may be set back; progress never decreases.
        self.progress_ms = self.progress_ms.max(now_ms.saturating_sub(self.max_out_of_orderness_ms));
        // After a crash now, the next process must report a gap from the last sign of life on.
        let complete_ms = self.progress_ms.min(alive_ms.saturating_sub(self.max_out_of_orderness_ms));
        self.queue.progress(control::progress(&self.source, self.progress_ms), complete_ms).map(|_| ())
    }

    fn report_gap(&mut self, mut gap: Gap) -> Result<(), Gone> {
        if let Some(earlier) = self.unreported.take() {
            gap.from_ms = gap.from_ms.min(earlier.from_ms);
        }
        let Gap { from_ms, to_ms, kind, cause } = &gap;
        warn!(from_ms, to_ms, cause, "trades may be missing");
        if self.queue.gap(control::gap(&self.source, *from_ms, *to_ms, cause), *from_ms)? {
            self.meter.gap(*kind);
        } else {
            self.unreported = Some(gap);
        }
        Ok(())
    }

    /// The last records as a blocking closure: unreported gaps, and `bye` after a clean stop.
    pub fn end(self, clean: bool, now_ms: u64) -> impl FnOnce() + Send + 'static {
        self.meter.connected.set(0);
        let away = if self.lost.is_some() || self.alive_ms.is_none() { self.missed(now_ms) } else { None };
        let gaps = [self.unreported, self.rejected.map(rejection), away].into_iter().flatten();
        let gaps: Vec<_> = gaps
            .map(|Gap { from_ms, to_ms, kind, cause }| {
                self.meter.gap(kind);
                (control::gap(&self.source, from_ms, to_ms, &cause), from_ms)
            })
            .collect();
        let bye = clean.then(|| control::bye(&self.source));
        move || self.queue.finish(gaps, bye)
    }
}

fn rejection((from_ms, to_ms, rejected): (u64, u64, u64)) -> Gap {
    let cause = format!("the queue to the log was full: {rejected} trades were rejected");
    Gap { from_ms, to_ms, kind: GapKind::Rejected, cause }
}

#[cfg(test)]
mod tests;
