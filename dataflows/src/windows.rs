//! The operator around [`WindowState`]: gathers trades by tick, and applies each tick once no trade can join it any
//! more.
//!
//! It holds a capability for the earliest tick it has gathered, so nothing downstream can pass a row that is still to
//! come. Rows go out when the frontier moves, changed rows only, at least once in each minute of event time: the
//! frontier row of a minute is exact however far the frontier jumps.

use std::collections::{BTreeMap, BTreeSet};

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

use crate::delivery::{Delivery, Partial};
use crate::row::{CandleRow, IndicatorRow};
use crate::settings::Settings;
use crate::snapshot::{Shard, encode_shards};
use crate::symbol::Symbol;
use crate::time::{MINUTE_MS, Time};
use crate::window_state::{SymbolState, Update, WindowState};

/// One worker's part of a snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SnapshotPart {
    /// The state is as of this time.
    pub frontier: Time,
    /// The shards that this worker holds; or why there are none.
    pub shards: Result<Vec<Shard>, String>,
}

/// What the operator makes.
pub struct Windows<'scope> {
    /// Candles of all resolutions.
    pub candles: VecCollection<'scope, Time, CandleRow, i64>,
    /// Indicators.
    pub indicators: VecCollection<'scope, Time, IndicatorRow, i64>,
    /// Parts of snapshots, one a worker for each checkpoint that was asked for.
    pub snapshots: StreamVec<'scope, Time, SnapshotPart>,
}

/// What a worker has received, and the state that it goes into.
struct Gathered {
    state: WindowState,
    symbols: HashMap<Symbol, u32>,
    /// By sender: from its numbers of symbols to ours.
    numbers: Vec<Vec<u32>>,
    ticks: BTreeMap<Time, Vec<Partial>>,
    /// Memory of ticks that are done, for those to come.
    spare: Vec<Vec<Partial>>,
    checkpoints: BTreeSet<Time>,
    /// Ticks before this one are applied.
    applied: Time,
}

type Builder<R> = CapacityContainerBuilder<Vec<R>>;

/// Trades in, rows out. `states` are the symbols that this worker holds in the snapshot it resumes from.
pub fn windows<'scope>(
    deliveries: StreamVec<'scope, Time, Delivery>,
    settings: &Settings,
    states: Vec<SymbolState>,
) -> Windows<'scope> {
    let scope = deliveries.scope();
    let mut builder = OperatorBuilder::new("Windows".to_owned(), scope);
    let mut input = builder.new_input(deliveries, Exchange::new(|d: &Delivery| u64::from(d.receiver)));
    let (candles, candle_stream) = builder.new_output::<Vec<Update<CandleRow>>>();
    let (indicators, indicator_stream) = builder.new_output::<Vec<Update<IndicatorRow>>>();
    let (snapshots, snapshot_stream) = builder.new_output::<Vec<SnapshotPart>>();
    let mut candles = OutputBuilder::<_, Builder<_>>::from(candles);
    let mut indicators = OutputBuilder::<_, Builder<_>>::from(indicators);
    let mut snapshots = OutputBuilder::<_, Builder<_>>::from(snapshots);
    let mut gathered = Gathered::new(settings, states, scope.peers());
    builder.build(move |_| {
        let mut held: Option<[Capability<Time>; 3]> = None;
        move |frontiers| {
            input.for_each(|capability, batch| {
                if let Some(&time) = capability.least()
                    && held.as_ref().is_none_or(|held| time < *held[0].time())
                {
                    held = Some([0, 1, 2].map(|output| capability.delayed(&time, output)));
                }
                batch.drain(..).for_each(|delivery| gathered.take(delivery));
            });
            let frontier = frontiers[0].frontier().first().copied().unwrap_or(Time::MAX);
            if let Some(capabilities) = &held {
                let (mut candles, mut indicators) = (candles.activate(), indicators.activate());
                let mut snapshots = snapshots.activate();
                let mut candles = candles.session(&capabilities[0]);
                let mut indicators = indicators.session(&capabilities[1]);
                let mut snapshots = snapshots.session(&capabilities[2]);
                let flush = |state: &mut WindowState| state.flush(|row| candles.give(row), |row| indicators.give(row));
                gathered.advance(frontier, flush, |part| snapshots.give(part));
            }
            match gathered.least() {
                None => held = None,
                Some(time) => held.iter_mut().flatten().for_each(|c| c.downgrade(&time.max(*c.time()))),
            }
        }
    });
    Windows {
        candles: candle_stream.as_collection(),
        indicators: indicator_stream.as_collection(),
        snapshots: snapshot_stream,
    }
}

impl Gathered {
    fn new(settings: &Settings, states: Vec<SymbolState>, peers: usize) -> Self {
        let mut state = WindowState::new(settings);
        let mut symbols = HashMap::new();
        for symbol_state in states {
            let symbol = symbol_state.symbol.clone();
            symbols.insert(symbol, state.add_state(symbol_state));
        }
        let numbers = vec![Vec::new(); peers];
        Self {
            state,
            symbols,
            numbers,
            ticks: BTreeMap::new(),
            spare: Vec::new(),
            checkpoints: BTreeSet::new(),
            applied: 0,
        }
    }

    /// Takes a message: names of symbols first, then trades into their ticks.
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
            assert!(first.time >= self.applied, "a trade of tick {} came after tick {}", first.time, self.applied);
            let len = rest.iter().take_while(|p| p.time == first.time).count();
            let tick = self.ticks.entry(first.time).or_insert_with(|| self.spare.pop().unwrap_or_default());
            tick.extend(rest[..len].iter().map(|p| Partial { symbol: numbers[p.symbol as usize], ..*p }));
            rest = &rest[len..];
        }
        self.checkpoints.extend(delivery.checkpoint);
    }

    /// The earliest time at which something may still go out.
    fn least(&self) -> Option<Time> {
        let tick = self.ticks.first_key_value().map(|(time, _)| *time);
        let checkpoint = self.checkpoints.first().copied();
        tick.into_iter().chain(checkpoint).min()
    }

    /// Applies every tick before the frontier; flushes between minutes and at the end; snapshots on the way.
    fn advance(
        &mut self,
        frontier: Time,
        mut flush: impl FnMut(&mut WindowState),
        mut snapshot: impl FnMut(SnapshotPart),
    ) {
        let mut minute = None;
        while let Some(time) = self.least().filter(|&time| time < frontier) {
            if minute.is_some_and(|minute| minute != time / MINUTE_MS) {
                flush(&mut self.state);
            }
            minute = Some(time / MINUTE_MS);
            // A checkpoint as of a tick comes before that tick.
            if self.checkpoints.remove(&time) {
                self.snapshot(time, &mut flush, &mut snapshot);
            }
            if let Some(mut partials) = self.ticks.remove(&time) {
                self.state.apply(time, &partials);
                partials.clear();
                self.spare.push(partials);
            }
        }
        if self.checkpoints.remove(&frontier) {
            self.snapshot(frontier, &mut flush, &mut snapshot);
        }
        flush(&mut self.state);
        self.applied = frontier;
    }

    fn snapshot(
        &mut self,
        frontier: Time,
        flush: &mut impl FnMut(&mut WindowState),
        part: &mut impl FnMut(SnapshotPart),
    ) {
        flush(&mut self.state);
        let shards = encode_shards(&self.state, frontier).map_err(|error| error.to_string());
        part(SnapshotPart { frontier, shards });
    }
}
