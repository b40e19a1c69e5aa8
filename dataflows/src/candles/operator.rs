//! The operator around [`WindowState`]: gathers trades by time step, and applies each time step once no more trades can
//! join it.
//!
//! It holds a capability for the earliest gathered time step, so no frontier downstream passes a row that is still to
//! come. Rows go out when the frontier moves, changed rows only, at least once in each minute of event time: the
//! frontier row of a minute is exact however far the frontier jumps.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use differential_dataflow::VecCollection;
use differential_dataflow::collection::AsCollection;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

use crate::candles::group::Group;
use crate::candles::state::{Update, WindowState};
use crate::held::HeldCapability;
use crate::ingress::delivery::{Delivery, Partial};
use crate::output::digest_operator::Sums;
use crate::output::ledger::LedgerChange;
use crate::output::row::{CandleRow, IndicatorRow};
use crate::progress::time::{MINUTE_MS, Time};
use crate::settings::Settings;
use crate::state::gradual::ROUND_BYTES;
use crate::state::snapshot::{LoadedShard, Shard};
use crate::symbols::symbol::Symbol;

/// One worker's part of a snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SnapshotPart {
    /// The state is as of this time.
    pub frontier: Time,
    /// A segment of each of this worker's shards that changed, or the error that prevented them.
    pub shards: Result<Vec<Shard>, String>,
}

/// Buffers that are kept for reuse, and the greatest of them.
const SPARE_MAX: usize = 64;
const SPARE_PARTIALS_MAX: usize = 8_192;
/// Trades of one round, some milliseconds of work: then others take the rows, before they are cold and many. Few where
/// this is tested.
const ROUND_TRADES: usize = if cfg!(debug_assertions) { 64 } else { 4_096 };

/// Outputs of the operator.
pub struct Windows<'scope> {
    /// Candles of all resolutions.
    pub candles: VecCollection<'scope, Time, CandleRow, i64>,
    /// Indicators.
    pub indicators: VecCollection<'scope, Time, IndicatorRow, i64>,
    /// Parts of snapshots, one per worker for each requested checkpoint.
    pub snapshots: StreamVec<'scope, Time, SnapshotPart>,
    /// Joined time steps, between which no frontier row is made; and where rows are not wanted, their digest.
    pub ledger: StreamVec<'scope, Time, LedgerChange>,
    /// Whether there is more to do than a round takes: what comes meanwhile would wait.
    pub is_behind: Rc<Cell<bool>>,
}

/// One worker's received trades, and the state they are applied to.
struct Gathered {
    state: WindowState,
    symbols: HashMap<Symbol, u32>,
    /// By sender: from its symbol numbers to ours.
    numbers: Vec<Vec<u32>>,
    steps: BTreeMap<Time, Vec<Partial>>,
    /// Buffers of applied time steps, for reuse.
    spare: Vec<Vec<Partial>>,
    checkpoints: BTreeSet<Time>,
    /// Time steps before this one are applied.
    applied: Time,
    /// Times, besides full minutes, at which the rows must be exact.
    stops: BTreeSet<Time>,
    /// The time steps that are being applied; nothing else may come before the last of them.
    group: Option<Group>,
}

type Builder<R> = CapacityContainerBuilder<Vec<R>>;

/// Turns trades into rows, or with `rows` unset only into their digest: then no row is made to be looked at once.
/// `shards` are this worker's in the snapshot it resumes from; `stops` are times, besides the full minutes, as of which
/// a frontier row is needed.
pub fn windows<'scope>(
    deliveries: StreamVec<'scope, Time, Delivery>,
    settings: &Settings,
    shards: Vec<LoadedShard>,
    stops: &[Time],
    rows: bool,
) -> Windows<'scope> {
    let scope = deliveries.scope();
    let mut builder = OperatorBuilder::new("Windows".to_owned(), scope);
    let mut input = builder.new_input(deliveries, Exchange::new(|d: &Delivery| u64::from(d.receiver)));
    let (candles, candle_stream) = builder.new_output::<Vec<Update<CandleRow>>>();
    let (indicators, indicator_stream) = builder.new_output::<Vec<Update<IndicatorRow>>>();
    let (snapshots, snapshot_stream) = builder.new_output::<Vec<SnapshotPart>>();
    let (joined, joined_stream) = builder.new_output::<Vec<LedgerChange>>();
    let mut candles = OutputBuilder::<_, Builder<_>>::from(candles);
    let mut indicators = OutputBuilder::<_, Builder<_>>::from(indicators);
    let mut snapshots = OutputBuilder::<_, Builder<_>>::from(snapshots);
    let mut joined = OutputBuilder::<_, Builder<_>>::from(joined);
    let activator = scope.activator_for(builder.operator_info().address);
    let mut gathered = Gathered::new(settings, shards, scope.peers(), stops);
    let is_behind = Rc::new(Cell::new(false));
    let behind = Rc::clone(&is_behind);
    builder.build(move |_| {
        let mut held = HeldCapability::<4>::none();
        // Of the snapshot that is being encoded: it holds back nobody but those who wait for it.
        let mut snapshot_held: Option<Capability<Time>> = None;
        let sums = RefCell::new(Sums::default());
        move |frontiers| {
            input.for_each(|message, batch| {
                held.retain(&message);
                batch.drain(..).for_each(|delivery| gathered.take(delivery));
            });
            let frontier = frontiers[0].frontier().first().copied().unwrap_or(Time::MAX);
            let mut snapshots = snapshots.activate();
            let mut send_part = |part, held: &mut Option<Capability<Time>>| {
                if let Some(capability) = held.take() {
                    snapshots.session(&capability).give(part);
                }
            };
            if let Some(capabilities) = held.get() {
                let (mut candles, mut indicators) = (candles.activate(), indicators.activate());
                let mut joined = joined.activate();
                let mut candles = candles.session(&capabilities[0]);
                let mut indicators = indicators.session(&capabilities[1]);
                let mut joined = joined.session(&capabilities[3]);
                let emit = Emit {
                    candle: &mut |row| if rows { candles.give(row) } else { sums.borrow_mut().add(&row) },
                    indicators: &mut |row| if rows { indicators.give(row) } else { sums.borrow_mut().add(&row) },
                    joined: &mut |change| joined.give(change),
                    snapshot: &mut |snapshot| match snapshot {
                        Snapshotting::Begins(time) => {
                            // One as of the end of a run comes when this worker's frontier may be past it.
                            let held = &capabilities[2];
                            snapshot_held = Some(held.delayed(&time.max(*held.time())));
                        }
                        Snapshotting::Ends(part) => send_part(part, &mut snapshot_held),
                    },
                };
                let is_done = gathered.advance(frontier, emit);
                behind.set(!is_done);
                joined.give_iterator(sums.borrow_mut().take());
            }
            if let Some(part) = gathered.continue_snapshot(ROUND_BYTES) {
                send_part(part, &mut snapshot_held);
            }
            if behind.get() || gathered.state.has_snapshot() {
                activator.activate();
            }
            held.keep_from(gathered.pending());
        }
    });
    Windows {
        candles: candle_stream.as_collection(),
        indicators: indicator_stream.as_collection(),
        snapshots: snapshot_stream,
        ledger: joined_stream,
        is_behind,
    }
}

impl Gathered {
    fn new(settings: &Settings, shards: Vec<LoadedShard>, peers: usize, stops: &[Time]) -> Self {
        let mut state = WindowState::new(settings);
        let mut symbols = HashMap::new();
        for shard in shards {
            for number in state.add_shard(shard) {
                symbols.insert(state.symbols[number as usize].symbol.clone(), number);
            }
        }
        let numbers = vec![Vec::new(); peers];
        Self {
            state,
            symbols,
            numbers,
            steps: BTreeMap::new(),
            spare: Vec::new(),
            checkpoints: BTreeSet::new(),
            applied: 0,
            stops: stops.iter().copied().collect(),
            group: None,
        }
    }

    /// Adds a message: symbol names first, then trades to their time steps.
    fn take(&mut self, delivery: Delivery) {
        let numbers = &mut self.numbers[delivery.sender as usize];
        for (theirs, symbol) in delivery.symbols {
            let ours = *self.symbols.entry(symbol).or_insert_with_key(|symbol| self.state.add_symbol(symbol.clone()));
            if numbers.len() <= theirs as usize {
                numbers.resize(theirs as usize + 1, u32::MAX);
            }
            numbers[theirs as usize] = ours;
        }
        let mut rest = delivery.partials.as_slice();
        while let Some(first) = rest.first() {
            assert!(
                first.time >= self.applied,
                "a trade of time step {} came after time step {}",
                first.time,
                self.applied
            );
            let len = rest.iter().take_while(|p| p.time == first.time).count();
            let step = self.steps.entry(first.time).or_insert_with(|| self.spare.pop().unwrap_or_default());
            step.extend(rest[..len].iter().map(|p| Partial { symbol: numbers[p.symbol as usize], ..*p }));
            rest = &rest[len..];
        }
        self.checkpoints.extend(delivery.checkpoint);
    }

    /// The earliest time at which output is pending.
    fn pending(&self) -> Option<Time> {
        self.least().into_iter().chain(self.group.as_ref().map(Group::first)).min()
    }

    /// The next time step or checkpoint.
    fn least(&self) -> Option<Time> {
        let step = self.steps.first_key_value().map(|(time, _)| *time);
        let checkpoint = self.checkpoints.first().copied();
        step.into_iter().chain(checkpoint).min()
    }

    /// Applies every time step before the frontier, those between minutes and stops together; takes snapshots. Returns
    /// whether all of it is done: after some work it is for others to go on first.
    fn advance(&mut self, frontier: Time, mut emit: Emit<'_>) -> bool {
        let mut left = ROUND_TRADES;
        loop {
            if !self.apply(&mut left, &mut emit) {
                return false;
            }
            let next = self.least().filter(|&time| time < frontier);
            // A checkpoint as of a time step comes before that time step.
            let checkpoint = next.unwrap_or(frontier);
            if self.checkpoints.remove(&checkpoint) {
                self.snapshot(checkpoint, &mut emit);
            }
            let Some(time) = next else { break };
            self.group = self.next_group(time, frontier);
        }
        self.applied = frontier;
        true
    }

    /// The time steps from this one on that no frontier row and no snapshot parts; none if it has no trades.
    fn next_group(&mut self, time: Time, frontier: Time) -> Option<Group> {
        let mut steps = vec![(time, self.steps.remove(&time)?)];
        let mut last = time;
        while let Some(entry) = self.steps.first_entry().filter(|entry| *entry.key() < frontier) {
            let next = *entry.key();
            let is_parted = last / MINUTE_MS != next / MINUTE_MS
                || self.stops.range(last + 1..=next).next().is_some()
                || self.checkpoints.range(last + 1..=next).next().is_some();
            if is_parted {
                break;
            }
            steps.push((next, entry.remove()));
            last = next;
        }
        self.applied = last + 1;
        Some(Group::new(steps))
    }

    /// Goes on with the group. Returns whether it is done.
    fn apply(&mut self, left: &mut usize, emit: &mut Emit<'_>) -> bool {
        let Some(group) = &mut self.group else { return true };
        if !self.state.apply(group, left, &mut *emit.candle, &mut *emit.indicators) {
            return false;
        }
        let (first, last) = (group.first(), group.last());
        if first != last {
            (emit.joined)(LedgerChange { joined_from: Some(first), ..LedgerChange::at(last) });
        }
        for mut partials in self.group.take().into_iter().flat_map(Group::into_buffers) {
            partials.clear();
            // After a catch-up there are many, and large ones.
            if self.spare.len() < SPARE_MAX && partials.capacity() <= SPARE_PARTIALS_MAX {
                self.spare.push(partials);
            }
        }
        true
    }

    /// Begins a snapshot. One that is not complete yet is completed first.
    fn snapshot(&mut self, frontier: Time, emit: &mut Emit<'_>) {
        if let Some(part) = self.continue_snapshot(usize::MAX) {
            (emit.snapshot)(Snapshotting::Ends(part));
        }
        self.state.begin_snapshot(frontier);
        (emit.snapshot)(Snapshotting::Begins(frontier));
    }

    /// [`WindowState::continue_snapshot`].
    fn continue_snapshot(&mut self, bytes_max: usize) -> Option<SnapshotPart> {
        let (frontier, shards) = self.state.continue_snapshot(bytes_max)?;
        Some(SnapshotPart { frontier, shards: shards.map_err(|error| error.to_string()) })
    }
}

/// Where the operator's output goes.
struct Emit<'a> {
    candle: &'a mut dyn FnMut(Update<CandleRow>),
    indicators: &'a mut dyn FnMut(Update<IndicatorRow>),
    joined: &'a mut dyn FnMut(LedgerChange),
    snapshot: &'a mut dyn FnMut(Snapshotting),
}

/// What happens to a snapshot.
enum Snapshotting {
    /// The state is as of this time, and begins to be encoded.
    Begins(Time),
    /// All of it is encoded.
    Ends(SnapshotPart),
}
