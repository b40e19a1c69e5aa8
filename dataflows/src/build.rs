//! The dataflow: from the records of one worker to rows by table, their ledger, and snapshots.
//!
//! ```text
//!  Ingress::take, at the least frontier of the worker's partitions
//!    | deliveries (by receiver)      | rejected, gaps      | counts
//!  Windows: time steps before the frontier|                     |
//!    | candles   | indicators        |                     |
//!  Digest      Digest              Digests                 |
//!    | rows      | rows              | rows                |
//!    |           |                   |        changes of the ledger, summed on worker 0
//! ```
//! Every update's own time is a time step; the message that carries it has that time or an earlier one.

use std::cell::Cell;
use std::rc::Rc;

use differential_dataflow::VecCollection;
use differential_dataflow::collection::AsCollection;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::core::unordered_input::{UnorderedHandle, UnorderedInput};
use timely::dataflow::operators::{ActivateCapability, Concatenate};
use timely::dataflow::{Scope, StreamVec};

use crate::candles::operator::{SnapshotPart, windows};
use crate::ingress::delivery::Delivery;
use crate::ingress::router::Outgoing;
use crate::output::digest_operator::digests;
use crate::output::ledger::LedgerChange;
use crate::output::row::{CandleRow, GapRow, IndicatorRow, RejectedRow};
use crate::progress::time::Time;
use crate::settings::Settings;
use crate::state::snapshot::LoadedShard;

type Builder<D> = CapacityContainerBuilder<Vec<D>>;
type Handle<D> = (UnorderedHandle<Time, Builder<D>>, ActivateCapability<Time>);

/// Inputs of the dataflow, all at one time: nothing before it will be sent.
///
/// A worker that owns no partition calls [`Inputs::close`]. Nothing else may drop this: a dropped
/// capability claims that everything is complete.
pub struct Inputs {
    open: Option<Open>,
    is_behind: Rc<Cell<bool>>,
}

struct Open {
    deliveries: Handle<Delivery>,
    rejected: Handle<(RejectedRow, Time, i64)>,
    gaps: Handle<(GapRow, Time, i64)>,
    counts: Handle<LedgerChange>,
}

/// The collections of rows, one per table, with their ledger and snapshots.
pub struct Outputs<'scope> {
    /// Candles of all resolutions.
    pub candles: VecCollection<'scope, Time, CandleRow, i64>,
    /// Indicators.
    pub indicators: VecCollection<'scope, Time, IndicatorRow, i64>,
    /// Rejected records.
    pub rejected: VecCollection<'scope, Time, RejectedRow, i64>,
    /// Gaps.
    pub gaps: VecCollection<'scope, Time, GapRow, i64>,
    /// Changes of digest, row count and counters; [`crate::output::ledger::Ledger`] sums them on one worker.
    pub ledger: StreamVec<'scope, Time, LedgerChange>,
    /// Parts of snapshots.
    pub snapshots: StreamVec<'scope, Time, SnapshotPart>,
}

/// Builds the dataflow. Without `rows` the collections of candles and indicators stay empty, and only their digest is
/// computed. `shards` are those of the snapshot that this worker owns; `stops` are times, besides the full minutes, as
/// of which the ledger must be exact.
pub fn build<'scope>(
    scope: Scope<'scope, Time>,
    settings: &Settings,
    shards: Vec<LoadedShard>,
    stops: &[Time],
    rows: bool,
) -> (Inputs, Outputs<'scope>) {
    let (deliveries, delivery_stream) = scope.new_unordered_input();
    let (rejected, rejected_stream) = scope.new_unordered_input();
    let (gaps, gap_stream) = scope.new_unordered_input();
    let (counts, count_stream) = scope.new_unordered_input();
    let windows = windows(delivery_stream, settings, shards, stops, rows);
    let (candles, candle_changes) = digests(windows.candles, "DigestCandles");
    let (indicators, indicator_changes) = digests(windows.indicators, "DigestIndicators");
    let (rejected_rows, rejected_changes) = digests(rejected_stream.as_collection(), "DigestRejected");
    let (gap_rows, gap_changes) = digests(gap_stream.as_collection(), "DigestGaps");
    let changes = [candle_changes, indicator_changes, rejected_changes, gap_changes, windows.ledger, count_stream];
    let outputs = Outputs {
        candles,
        indicators,
        rejected: rejected_rows,
        gaps: gap_rows,
        ledger: scope.concatenate(changes),
        snapshots: windows.snapshots,
    };
    let open = Some(Open { deliveries, rejected, gaps, counts });
    (Inputs { open, is_behind: windows.is_behind }, outputs)
}

impl Inputs {
    /// Sends the output of an [`crate::ingress::Ingress`], then moves to its frontier.
    pub fn send(&mut self, outgoing: Outgoing, frontier: Time) {
        let Some(open) = &mut self.open else { return };
        give(&mut open.deliveries, outgoing.deliveries, frontier);
        give(&mut open.rejected, outgoing.rejected, frontier);
        give(&mut open.gaps, outgoing.gaps, frontier);
        give(&mut open.counts, outgoing.counts, frontier);
    }

    /// For a worker that owns no partition: it will never send anything.
    pub fn close(&mut self) {
        self.open = None;
    }

    /// Whether this worker has more to do than one step of it does: what is sent meanwhile waits in memory.
    pub fn is_behind(&self) -> bool {
        self.is_behind.get()
    }
}

fn give<D: Clone + 'static>((handle, capability): &mut Handle<D>, data: Vec<D>, frontier: Time) {
    if !data.is_empty() {
        handle.activate().session(capability).give_iterator(data.into_iter());
    }
    if frontier > *capability.time() {
        capability.downgrade(&frontier);
    }
}
