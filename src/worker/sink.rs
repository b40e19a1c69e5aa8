//! The sink: collects the rows that changed, writes the last value of each key when the frontier has passed it, and
//! holds its capability until the store has acknowledged them. So the frontier of its output covers only durable rows.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::Sender;
use dataflows::candles::state::Update;
use dataflows::held::HeldCapability;
use dataflows::output::row::{CandleRow, GapRow, IndicatorRow, RejectedRow};
use dataflows::progress::time::Time;
use differential_dataflow::VecCollection;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::{Capability, InputCapability};

use super::store_command::Command;
use crate::store::RowBatch;

/// Maximum batches of rows in flight to the store, per worker.
const IN_FLIGHT_MAX: usize = 4;

/// Rows that wait for the frontier.
struct Gathered<R> {
    rows: Vec<Update<R>>,
}

/// The rows of all tables, and the capabilities that hold back the frontier for them.
struct Sink {
    candles: Gathered<CandleRow>,
    indicators: Gathered<IndicatorRow>,
    rejected: Gathered<RejectedRow>,
    gaps: Gathered<GapRow>,
    held: HeldCapability,
    in_flight: VecDeque<(Capability<Time>, Arc<AtomicBool>)>,
}

/// Writes the rows. The output stream carries only its frontier.
pub(super) fn sink<'scope>(
    candles: VecCollection<'scope, Time, CandleRow, i64>,
    indicators: VecCollection<'scope, Time, IndicatorRow, i64>,
    rejected: VecCollection<'scope, Time, RejectedRow, i64>,
    gaps: VecCollection<'scope, Time, GapRow, i64>,
    commands: Sender<Command>,
) -> StreamVec<'scope, Time, ()> {
    let scope = candles.inner.scope();
    let mut builder = OperatorBuilder::new("Sink".to_owned(), scope);
    let mut candles = builder.new_input(candles.inner, Pipeline);
    let mut indicators = builder.new_input(indicators.inner, Pipeline);
    let mut rejected = builder.new_input(rejected.inner, Pipeline);
    let mut gaps = builder.new_input(gaps.inner, Pipeline);
    let (_output, stream) = builder.new_output::<Vec<()>>();
    let activator = scope.worker().sync_activator_for(builder.operator_info().address.to_vec());
    let mut sink = Sink {
        candles: Gathered { rows: Vec::new() },
        indicators: Gathered { rows: Vec::new() },
        rejected: Gathered { rows: Vec::new() },
        gaps: Gathered { rows: Vec::new() },
        held: HeldCapability::none(),
        in_flight: VecDeque::new(),
    };
    builder.build(move |_| {
        move |frontiers| {
            let held = &mut sink.held;
            candles.for_each(|message, rows| gather(held, &message, &mut sink.candles, rows));
            indicators.for_each(|message, rows| gather(held, &message, &mut sink.indicators, rows));
            rejected.for_each(|message, rows| gather(held, &message, &mut sink.rejected, rows));
            gaps.for_each(|message, rows| gather(held, &message, &mut sink.gaps, rows));
            let frontier = frontiers.iter().filter_map(|f| f.frontier().first().copied()).min().unwrap_or(Time::MAX);
            sink.release();
            if sink.in_flight.len() < IN_FLIGHT_MAX
                && let Some((rows, capability)) = sink.take_before(frontier)
            {
                let done = Arc::new(AtomicBool::new(false));
                sink.in_flight.push_back((capability, Arc::clone(&done)));
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
    stream
}

fn gather<R>(
    held: &mut HeldCapability,
    message: &InputCapability<Time>,
    into: &mut Gathered<R>,
    rows: &mut Vec<Update<R>>,
) {
    held.retain(message);
    // A retraction adds nothing to the new value of its key.
    into.rows.extend(rows.drain(..).filter(|(_, _, diff)| *diff > 0));
}

impl Sink {
    /// Drops the capabilities of acknowledged batches, oldest first.
    fn release(&mut self) {
        while self.in_flight.front().is_some_and(|(_, done)| done.load(Ordering::SeqCst)) {
            self.in_flight.pop_front();
        }
    }

    /// Removes and returns all rows before the frontier, with the last value of each key.
    fn take_before(&mut self, frontier: Time) -> Option<(RowBatch, Capability<Time>)> {
        let batch = RowBatch {
            candles: self.candles.take_before(frontier, |r| (r.resolution, r.symbol.clone(), r.window_start_ms)),
            indicators: self.indicators.take_before(frontier, |r| (r.symbol.clone(), r.window_start_ms)),
            rejected: self.rejected.take_before(frontier, |r| (r.partition, r.offset, r.index)),
            gaps: self.gaps.take_before(frontier, |r| (r.partition, r.offset)),
        };
        let held = self.held.get().map(|[held]| held.clone()).filter(|_| !batch.is_empty());
        let pending = [self.candles.least(), self.indicators.least(), self.rejected.least(), self.gaps.least()];
        self.held.keep_from(pending.into_iter().flatten().min());
        Some((batch, held?))
    }
}

impl<R> Gathered<R> {
    fn least(&self) -> Option<Time> {
        self.rows.iter().map(|(_, time, _)| *time).min()
    }

    fn take_before<K: Ord>(&mut self, frontier: Time, key: impl Fn(&R) -> K) -> Vec<R> {
        if self.rows.iter().all(|(_, time, _)| *time >= frontier) {
            return Vec::new();
        }
        let mut rows: Vec<R> =
            self.rows.extract_if(.., |(_, time, _)| *time < frontier).map(|(row, _, _)| row).collect();
        // The newest value of a key comes last. Reversed, it comes first, and the sort is stable: deduplication keeps
        // it.
        rows.reverse();
        rows.sort_by_cached_key(|row| key(row));
        rows.dedup_by(|later, first| key(later) == key(first));
        rows
    }
}
