//! Decisions of the ingest: what is written, what is rejected, and which gaps are reported. Nothing here waits.

use std::time::{Duration, Instant};

use dataflows::log::control;
use dataflows::progress::time::{STEP_MS, floor_step};
use tracing::{error, info, warn};

use super::clock::{Change, Clock, Reading};
use super::metrics::{GapKind, Meter, Withheld};
use super::writer::job::{Gone, Loss};
use super::writer::queue::Queue;
use super::{IngestConfig, router};
use crate::finnhub::client::FeedEvent;
use crate::finnhub::connection::Received;

/// Error of the feed when the plan allows fewer symbols. It does not name the symbol.
const TOO_MANY_SYMBOLS: &str = "too many symbols";

pub(super) struct Intake {
    source: String,
    max_out_of_orderness_ms: u64,
    /// Age from which on the last sign of life is too old: half the liveness timeout.
    old_after: Duration,
    queue: Queue,
    meter: Meter,
    clock: Clock,
    progress_ms: u64,
    /// Event time of the newest trade.
    newest_ms: Option<u64>,
    /// Unix time up to which the feed has proved that nothing is missing; `None` before the first sign of life.
    alive_ms: Option<u64>,
    /// Unix time of the first connection.
    begun_ms: Option<u64>,
    /// Whether the connection has not given a sign of life yet.
    is_new: bool,
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
    pub fn new(config: &IngestConfig, clock: Clock, queue: Queue, predecessor_ms: Option<u64>) -> Self {
        Self {
            source: config.source.clone(),
            max_out_of_orderness_ms: config.max_out_of_orderness_ms,
            old_after: config.feed.liveness_timeout / 2,
            queue,
            meter: config.meter.clone(),
            clock,
            progress_ms: 0,
            newest_ms: None,
            alive_ms: None,
            begun_ms: None,
            is_new: false,
            predecessor_ms,
            lost: None,
            rejected: None,
            unreported: None,
        }
    }

    /// Handles an event of the feed.
    pub fn take(&mut self, event: FeedEvent, now: Instant) -> Result<(), Gone> {
        match event {
            FeedEvent::Received(Received::Text { text, at }) => self.text(text.as_str(), at),
            FeedEvent::Connected => self.connected(now),
            FeedEvent::Received(Received::Alive { as_of, at }) => self.alive(as_of, at),
            FeedEvent::Lost { cause } => {
                self.meter.connected.set(0);
                // The first cause is the one that started the gap.
                self.lost.get_or_insert(cause);
                Ok(())
            }
        }
    }

    fn text(&mut self, text: &str, at: Instant) -> Result<(), Gone> {
        let at_ms = self.clock.time().ms(at);
        let clock_ms = i64::try_from(at_ms).unwrap_or(i64::MAX);
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
            self.compare_clock(routed.newest_ms, at);
            // A trade from the future says nothing of its neighbours.
            let newest_ms = routed.newest_ms.filter(|event_ms| *event_ms <= at_ms + STEP_MS);
            self.newest_ms = self.newest_ms.max(newest_ms);
        }
        let elements = routed.trades + routed.malformed;
        if self.queue.offer(routed.records, at)? {
            self.meter.trades.inc_by(routed.trades);
            self.meter.malformed.inc_by(routed.malformed);
            return Ok(());
        }
        self.meter.rejected.inc_by(elements);
        let from_ms = at_ms.saturating_sub(self.max_out_of_orderness_ms);
        let (from_ms, rejected) = self.rejected.map_or((from_ms, 0), |(from_ms, _, rejected)| (from_ms, rejected));
        self.rejected = Some((from_ms, at_ms, rejected + elements));
        Ok(())
    }

    /// While the wall clock is in doubt, trades decide whether it is right.
    fn compare_clock(&mut self, newest_ms: Option<u64>, at: Instant) {
        if self.clock.is_stepped()
            && let Some(event_ms) = newest_ms
        {
            let change = self.clock.trades(event_ms, at, self.max_out_of_orderness_ms);
            self.clock_changed(change);
        }
    }

    fn clock_changed(&mut self, change: Option<Change>) {
        match change {
            Some(Change::Stepped { by_ms }) => {
                self.meter.clock_steps.inc();
                warn!(
                    by_ms,
                    "the clock of this machine was set: progress is withheld until new trades agree with it, it is set \
                     back, or this ingest is restarted"
                );
            }
            Some(Change::Agreed { by_ms }) => {
                // Times that were noted before are the same moments in the new time.
                self.alive_ms = self.alive_ms.map(|ms| ms.saturating_add_signed(by_ms));
                self.begun_ms = self.begun_ms.map(|ms| ms.saturating_add_signed(by_ms));
                if let Some((from_ms, to_ms, _)) = &mut self.rejected {
                    widen(from_ms, to_ms, by_ms);
                }
                warn!(by_ms, "clock and trades agree again: progress goes on");
            }
            None => {}
        }
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

    /// From here on gaps are reported by this process, so the next one must know. Nothing is queued before.
    fn connected(&mut self, now: Instant) -> Result<(), Gone> {
        self.meter.connections.inc();
        self.meter.connected.set(1);
        self.is_new = true;
        if self.begun_ms.is_none() {
            let now_ms = self.clock.time().ms(now);
            self.begun_ms = Some(now_ms);
            // Attempts that failed before have lost nothing.
            self.lost = None;
            if self.predecessor_ms.is_none() {
                self.queue.begin(now_ms.saturating_sub(self.max_out_of_orderness_ms))?;
            }
        }
        Ok(())
    }

    /// The feed has sent nothing up to `as_of` that is not queued. The first sign of life of a connection ends the gap
    /// before it: only now is it certain that the feed has read all subscriptions.
    fn alive(&mut self, as_of: Instant, at: Instant) -> Result<(), Gone> {
        let time = self.clock.time();
        let (as_of_ms, at_ms) = (time.ms(as_of), time.ms(at));
        let gap = if self.is_new { self.missed(at_ms) } else { None };
        self.is_new = false;
        self.lost = None;
        self.predecessor_ms = None;
        let alive_ms = self.alive_ms.map_or(as_of_ms, |alive_ms| alive_ms.max(as_of_ms));
        self.alive_ms = Some(alive_ms);
        self.meter.alive_ms.set(i64::try_from(alive_ms).unwrap_or(i64::MAX));
        gap.map_or(Ok(()), |gap| self.report_gap(gap))
    }

    /// What may be missing up to a time: everything since the last sign of life, of this ingest or of its predecessor.
    fn missed(&self, to_ms: u64) -> Option<Gap> {
        let cause = || self.lost.clone().unwrap_or_else(|| "reconnected".to_owned());
        let gap = |from_ms: u64, kind, cause| Gap { from_ms, to_ms: to_ms.max(from_ms), kind, cause };
        let before = |ms: u64| ms.saturating_sub(self.max_out_of_orderness_ms);
        match (self.alive_ms, self.predecessor_ms, self.begun_ms) {
            (Some(alive_ms), ..) => Some(gap(before(alive_ms), GapKind::Reconnect, cause())),
            (None, Some(from_ms), _) => {
                let cause = "the source's process ended without a bye".to_owned();
                Some(gap(from_ms, GapKind::Restart, cause))
            }
            // The first connection was lost before its first sign of life.
            (None, None, Some(begun_ms)) if self.lost.is_some() => {
                Some(gap(before(begun_ms), GapKind::Reconnect, cause()))
            }
            (None, None, _) => None,
        }
    }

    /// Reports progress as far as the feed has proved it, and gaps that did not fit into the queue before. There is no
    /// progress before the first sign of life, and none from a clock in doubt.
    pub fn progress(&mut self, now: Reading) -> Result<(), Gone> {
        let change = self.clock.look(now);
        self.clock_changed(change);
        let now_ms = self.clock.time().ms(now.at);
        if let Some(gap) = self.unreported.take() {
            self.queue_gap(gap)?;
        }
        if let Some(gap) = self.rejected.take().map(rejection) {
            self.report_gap(gap)?;
        }
        if let Some(Loss { from_ms, records }) = self.queue.take_loss() {
            let cause = control::lost_cause(records);
            self.report_gap(Gap { from_ms, to_ms: now_ms, kind: GapKind::Lost, cause })?;
        }
        self.note_withheld(now_ms);
        let Some(alive_ms) = self.alive_ms else { return Ok(()) };
        if self.unreported.is_some() {
            // Progress must not overtake the gap before it; the next progress record is at least as far.
            return Ok(());
        }
        let proved_ms = alive_ms.saturating_sub(self.max_out_of_orderness_ms);
        if !self.clock.is_stepped() {
            // The clock may have been set back; progress never decreases.
            self.progress_ms = self.progress_ms.max(proved_ms);
        }
        if self.progress_ms == 0 {
            return Ok(());
        }
        // After a crash now, the next process must report a gap from here on.
        let complete_ms = self.progress_ms.min(proved_ms);
        self.queue.progress(control::progress(&self.source, self.progress_ms), complete_ms).map(|_| ())
    }

    /// Whether the last sign of life is too old, or there is none.
    fn is_silent(&self, now_ms: u64) -> bool {
        let old_after_ms = self.old_after.as_millis() as u64;
        self.alive_ms.is_none_or(|alive_ms| now_ms.saturating_sub(alive_ms) > old_after_ms)
    }

    fn note_withheld(&self, now_ms: u64) {
        let is_silent = self.is_silent(now_ms);
        let was_silent = self.meter.is_withheld(Withheld::Feed);
        match self.alive_ms {
            Some(alive_ms) if is_silent && !was_silent => {
                let silent_ms = now_ms.saturating_sub(alive_ms);
                warn!(silent_ms, "no sign of life from the feed: progress is withheld until there is one");
            }
            Some(_) if was_silent && !is_silent => info!("the feed is alive: progress goes on"),
            _ => {}
        }
        self.meter.withhold(Withheld::Feed, is_silent);
        self.meter.withhold(Withheld::Clock, self.clock.is_stepped());
        self.meter.withhold(Withheld::Log, self.unreported.is_some());
    }

    fn report_gap(&mut self, mut gap: Gap) -> Result<(), Gone> {
        widen(&mut gap.from_ms, &mut gap.to_ms, self.clock.step_ms());
        if let Some(earlier) = self.unreported.take() {
            gap.from_ms = gap.from_ms.min(earlier.from_ms);
        }
        self.queue_gap(gap)
    }

    fn queue_gap(&mut self, gap: Gap) -> Result<(), Gone> {
        let Gap { from_ms, to_ms, kind, cause } = &gap;
        warn!(from_ms, to_ms, cause, "trades may be missing");
        if self.queue.gap(control::gap(&self.source, *from_ms, *to_ms, cause), *from_ms)? {
            self.meter.gap(*kind);
        } else {
            self.unreported = Some(gap);
        }
        Ok(())
    }

    /// The last records as a blocking closure: unreported gaps, and `bye` after a clean stop. A feed that was silent at
    /// the end leaves a gap: a `bye` alone would make everything up to it complete.
    pub fn end(self, clean: bool, now: Instant) -> impl FnOnce() + Send + 'static {
        self.meter.connected.set(0);
        let now_ms = self.clock.time().ms(now);
        let is_away = self.lost.is_some() || self.is_new || self.is_silent(now_ms);
        let away = if is_away { self.missed(now_ms) } else { None };
        let step_ms = self.clock.step_ms();
        let widened = [self.rejected.map(rejection), away].into_iter().flatten().map(|mut gap| {
            widen(&mut gap.from_ms, &mut gap.to_ms, step_ms);
            gap
        });
        let gaps: Vec<_> = (self.unreported.into_iter().chain(widened))
            .map(|Gap { from_ms, to_ms, kind, cause }| {
                self.meter.gap(kind);
                (control::gap(&self.source, from_ms, to_ms, &cause), from_ms)
            })
            .collect();
        // Past the last trade, in all partitions: what is in the log waits for nobody once its sources have left.
        let past_ms = self.newest_ms.map(|ms| floor_step(ms, STEP_MS) + STEP_MS).filter(|ms| *ms > self.progress_ms);
        let past = past_ms.map(|ms| control::progress(&self.source, ms));
        let last = clean.then(|| past.into_iter().chain([control::bye(&self.source)]).collect());
        move || self.queue.finish(gaps, last)
    }
}

/// While the clock is in doubt, or has changed, a gap covers its time by either clock.
fn widen(from_ms: &mut u64, to_ms: &mut u64, step_ms: i64) {
    *from_ms = from_ms.saturating_add_signed(step_ms.min(0));
    *to_ms = to_ms.saturating_add_signed(step_ms.max(0));
}

fn rejection((from_ms, to_ms, rejected): (u64, u64, u64)) -> Gap {
    let cause = format!("the queue to the log was full: {rejected} trades were rejected");
    Gap { from_ms, to_ms, kind: GapKind::Rejected, cause }
}

#[cfg(test)]
mod tests;
