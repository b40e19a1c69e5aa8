//! The sink: collects the rows that changed, writes the last value of each key when the frontier has passed it, and
//! holds its capability until the store has acknowledged them. So the frontier of its output covers only durable rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::Sender;
use dataflows::candles::state::Update;
use dataflows::held::HeldCapability;
use dataflows::output::row::{CandleRow, GapRow, IndicatorRow, RejectedRow};
use dataflows::progress::time::{Resolution, Time};
use dataflows::symbols::symbol::Symbol;
use differential_dataflow::VecCollection;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::{Capability, InputCapability};
use timely::scheduling::SyncActivator;

use super::proof::Proof;
use super::store_command::Command;
use crate::store::RowBatch;

/// Fewest rows of a table that are worth collapsing.
const COLLAPSE_MIN: usize = 8_192;

/// Rows that wait for the frontier or for the store.
struct Gathered<R> {
    rows: Vec<Update<R>>,
    /// When there are this many, they are collapsed by key.
    collapse_at: usize,
}

/// The rows of all tables, and the capabilities that hold back the frontier for them.
struct Sink {
    candles: Gathered<CandleRow>,
    indicators: Gathered<IndicatorRow>,
    rejected: Gathered<RejectedRow>,
    gaps: Gathered<GapRow>,
    held: HeldCapability,
    proof: Arc<Proof>,
    /// The batch that the store has not acknowledged, with its capability. No second one: the store writes one after
    /// the other, and what waits here meanwhile is collapsed, so a store that is behind gets each key less often.
    in_flight: Option<(Capability<Time>, Arc<AtomicBool>)>,
}

/// Writes the rows, once the start has proved itself; the activator is for that moment. The output stream carries only
/// its frontier.
pub(super) fn sink<'scope>(
    candles: VecCollection<'scope, Time, CandleRow, i64>,
    indicators: VecCollection<'scope, Time, IndicatorRow, i64>,
    rejected: VecCollection<'scope, Time, RejectedRow, i64>,
    gaps: VecCollection<'scope, Time, GapRow, i64>,
    proof: Arc<Proof>,
    commands: Sender<Command>,
) -> (StreamVec<'scope, Time, ()>, SyncActivator) {
    let scope = candles.inner.scope();
    let mut builder = OperatorBuilder::new("Sink".to_owned(), scope);
    let mut candles = builder.new_input(candles.inner, Pipeline);
    let mut indicators = builder.new_input(indicators.inner, Pipeline);
    let mut rejected = builder.new_input(rejected.inner, Pipeline);
    let mut gaps = builder.new_input(gaps.inner, Pipeline);
    let (_output, stream) = builder.new_output::<Vec<()>>();
    let activator = scope.worker().sync_activator_for(builder.operator_info().address.to_vec());
    let mut sink = Sink {
        candles: Gathered::new(),
        indicators: Gathered::new(),
        rejected: Gathered::new(),
        gaps: Gathered::new(),
        held: HeldCapability::none(),
        proof,
        in_flight: None,
    };
    let proved = activator.clone();
    builder.build(move |_| {
        move |frontiers| {
            let (held, known) = (&mut sink.held, sink.proof.until());
            candles.for_each(|message, rows| gather(held, &message, known, &mut sink.candles, rows));
            indicators.for_each(|message, rows| gather(held, &message, known, &mut sink.indicators, rows));
            rejected.for_each(|message, rows| gather(held, &message, known, &mut sink.rejected, rows));
            gaps.for_each(|message, rows| gather(held, &message, known, &mut sink.gaps, rows));
            let frontier = frontiers.iter().filter_map(|f| f.frontier().first().copied()).min().unwrap_or(Time::MAX);
            sink.release();
            sink.candles.collapse(frontier, candle_key);
            sink.indicators.collapse(frontier, indicator_key);
            if sink.in_flight.is_none()
                && let Some((rows, capability)) = sink.take_before(frontier)
            {
                let done = Arc::new(AtomicBool::new(false));
                sink.in_flight = Some((capability, Arc::clone(&done)));
                let activator = activator.clone();
                let ack = Box::new(move || {
                    done.store(true, Ordering::SeqCst);
                    // The worker is gone only when the process ends.
                    let _ = activator.activate();
                });
                // The store thread is gone only after an error, which ends the process.
                let _ = commands.send(Command::Write(rows, ack));
            }
        }
    });
    (stream, proved)
}

/// Takes the new values at or after `known`: the store holds the rows before it.
fn gather<R>(
    held: &mut HeldCapability,
    message: &InputCapability<Time>,
    known: Time,
    into: &mut Gathered<R>,
    rows: &mut Vec<Update<R>>,
) {
    held.retain(message);
    // A retraction adds nothing to the new value of its key.
    into.rows.extend(rows.drain(..).filter(|(_, time, diff)| *diff > 0 && *time >= known));
}

impl Sink {
    /// Drops the capability of a batch that is acknowledged.
    fn release(&mut self) {
        self.in_flight.take_if(|(_, done)| done.load(Ordering::SeqCst));
    }

    /// Removes and returns all rows before the frontier, with the last value of each key.
    fn take_before(&mut self, frontier: Time) -> Option<(RowBatch, Capability<Time>)> {
        // Without a proof only what the store holds already is over: nothing.
        let frontier = if self.proof.is_given() { frontier } else { frontier.min(self.proof.until()) };
        let batch = RowBatch {
            candles: self.candles.take_before(frontier, candle_key),
            indicators: self.indicators.take_before(frontier, indicator_key),
            rejected: self.rejected.take_before(frontier, |r| (r.partition, r.offset, r.index)),
            gaps: self.gaps.take_before(frontier, |r| (r.partition, r.offset)),
        };
        let held = self.held.get().map(|[held]| held.clone()).filter(|_| !batch.is_empty());
        let pending = [self.candles.least(), self.indicators.least(), self.rejected.least(), self.gaps.least()];
        self.held.keep_from(pending.into_iter().flatten().min());
        Some((batch, held?))
    }
}

fn candle_key(row: &CandleRow) -> (Resolution, Symbol, u64) {
    (row.resolution, row.symbol.clone(), row.window_start_ms)
}

fn indicator_key(row: &IndicatorRow) -> (Symbol, u64) {
    (row.symbol.clone(), row.window_start_ms)
}

impl<R> Gathered<R> {
    fn new() -> Self {
        Self { rows: Vec::new(), collapse_at: COLLAPSE_MIN }
    }

    fn least(&self) -> Option<Time> {
        self.rows.iter().map(|(_, time, _)| *time).min()
    }

    /// While the store is slow, the same keys come again and again: keeps the last value of each before the frontier.
    fn collapse<K: Ord>(&mut self, frontier: Time, key: impl Fn(&R) -> K) {
        if self.rows.len() < self.collapse_at {
            return;
        }
        let mut rows = self.last_before(frontier, key);
        rows.append(&mut self.rows);
        self.rows = rows;
        self.collapse_at = (self.rows.len() * 2).max(COLLAPSE_MIN);
    }

    fn take_before<K: Ord>(&mut self, frontier: Time, key: impl Fn(&R) -> K) -> Vec<R> {
        if self.rows.iter().all(|(_, time, _)| *time >= frontier) {
            return Vec::new();
        }
        let rows = self.last_before(frontier, key);
        self.collapse_at = COLLAPSE_MIN;
        rows.into_iter().map(|(row, ..)| row).collect()
    }

    /// Removes and returns the last value of each key before the frontier.
    fn last_before<K: Ord>(&mut self, frontier: Time, key: impl Fn(&R) -> K) -> Vec<Update<R>> {
        let mut rows: Vec<Update<R>> = self.rows.extract_if(.., |(_, time, _)| *time < frontier).collect();
        // The newest value of a key comes last. Reversed, it comes first, and the sort is stable: deduplication keeps
        // it.
        rows.reverse();
        rows.sort_by_cached_key(|(row, ..)| key(row));
        rows.dedup_by(|later, first| key(&later.0) == key(&first.0));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key and value.
    type Row = (u64, u64);

    #[test]
    fn waiting_rows_collapse_to_the_last_value_of_each_key() {
        let mut gathered: Gathered<Row> = Gathered::new();
        for round in 0..100_000 {
            gathered.rows.push(((round % 10, round), round, 1));
            gathered.collapse(99_995, |row| row.0);
            assert!(gathered.rows.len() <= COLLAPSE_MIN);
        }
        // Those at or after the frontier stay as they are.
        assert_eq!(gathered.rows.iter().filter(|(_, time, _)| *time >= 99_995).count(), 5);
        let last: Vec<Row> = (0..10).map(|key| (key, if key < 5 { 99_990 + key } else { 99_980 + key })).collect();
        assert_eq!(gathered.take_before(99_995, |row| row.0), last);
        let rest: Vec<Row> = (5..10).map(|key| (key, 99_990 + key)).collect();
        assert_eq!(gathered.take_before(Time::MAX, |row| row.0), rest);
    }
}
