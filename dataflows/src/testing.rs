//! The whole dataflow over records in memory, on any number of worker threads: for tests, benches and examples.
//!
//! The real host (`tickline work`) does the same with a log and a store at the ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::probe::Handle as Probe;
use timely::dataflow::operators::{Inspect, Probe as _};
use timely::worker::Worker;

use crate::build::{Outputs, build};
use crate::candles::state::Update;
use crate::ingress::Ingress;
use crate::log::batch::RecordBatch;
use crate::log::binding::Binding;
use crate::output::frontier_row::FrontierRow;
use crate::output::ledger::{Ledger, LedgerChange, LedgerState};
use crate::output::row::{CandleRow, GapRow, IndicatorRow, RejectedRow};
use crate::progress::resume::ResumePoint;
use crate::progress::time::Time;
use crate::settings::Settings;
use crate::state::manifest::SegmentKey;
use crate::state::snapshot::{LoadedShard, Shard, SnapshotHeader, decode_memory, decode_shard, memory_shard};
use crate::symbols::symbol::SHARDS;

/// How to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Worker threads.
    pub workers: usize,
    /// Batch size, in records of a partition.
    pub batch_records: usize,
    /// Steps of the dataflow between two batches: 0 lets the frontier jump far.
    pub steps: usize,
    /// Times as of which a snapshot is requested, ascending.
    pub checkpoints: Vec<Time>,
    /// The snapshot to resume from.
    pub resume: Option<Snapshot>,
    /// The records of the progress log, where there is one. As many are read at once as records of a partition.
    pub bindings: Vec<Binding>,
}

/// A snapshot: header and segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Ledger, resume points, fingerprint.
    pub header: SnapshotHeader,
    /// All segments of its shards, ascending, the oldest of each first.
    pub shards: Vec<Shard>,
}

/// Output of a run.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Every update of the candles.
    pub candles: Vec<Update<CandleRow>>,
    /// Every update of the indicators.
    pub indicators: Vec<Update<IndicatorRow>>,
    /// Every update of the rejected records.
    pub rejected: Vec<Update<RejectedRow>>,
    /// Every update of the gaps.
    pub gaps: Vec<Update<GapRow>>,
    /// The frontier rows kept, one per minute.
    pub kept: Vec<FrontierRow>,
    /// Every frontier row on the way.
    pub passed: Vec<FrontierRow>,
    /// The row as of the last frontier.
    pub last: Option<FrontierRow>,
    /// The requested snapshots that were reached.
    pub snapshots: Vec<Snapshot>,
}

/// All segments are of one epoch.
const EPOCH: u64 = 0;
/// Steps in which a snapshot that was begun is completed.
const SNAPSHOT_STEPS: usize = 4_000;

/// State shared by the workers.
#[derive(Default)]
struct Shared {
    outcome: Outcome,
    ends: Vec<Option<Time>>,
    headers: BTreeMap<Time, LedgerState>,
    points: BTreeMap<Time, Vec<ResumePoint>>,
    /// Number of the workers' parts, and their shards.
    shards: BTreeMap<Time, (usize, Vec<Shard>)>,
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs until everything before the log's last frontier is done. `log` has one batch per partition.
pub fn run(settings: &Settings, log: &Arc<Vec<RecordBatch>>, plan: &Plan) -> Outcome {
    run_with(settings, log, plan, true)
}

/// The same for the digest alone: there are no rows of candles and indicators.
pub fn run_for_digest(settings: &Settings, log: &Arc<Vec<RecordBatch>>, plan: &Plan) -> Outcome {
    run_with(settings, log, plan, false)
}

fn run_with(settings: &Settings, log: &Arc<Vec<RecordBatch>>, plan: &Plan, rows: bool) -> Outcome {
    let shared = Arc::new(Mutex::new(Shared { ends: vec![None; plan.workers], ..Shared::default() }));
    let (settings, log, plan, for_workers) = (settings.clone(), Arc::clone(log), plan.clone(), Arc::clone(&shared));
    let (workers, plan_for_end) = (plan.workers, plan.clone());
    let config = timely::Config::process(workers);
    let guards = timely::execute(config, move |worker| work(worker, (&settings, rows), &log, &plan, &for_workers));
    let joined: Vec<_> = guards.into_iter().flat_map(|guards| guards.join()).collect();
    assert!(joined.iter().all(Result::is_ok), "a worker failed: {joined:?}");
    let mut shared = lock(&shared);
    let mut outcome = std::mem::take(&mut shared.outcome);
    let resumed = plan_for_end.resume;
    let (mut manifest, mut kept) = resumed.map_or_else(Default::default, |from| (from.header.manifest, from.shards));
    for (frontier, ledger) in std::mem::take(&mut shared.headers) {
        let mut resume = shared.points.remove(&frontier).unwrap_or_default();
        resume.sort_by_key(|point| point.partition);
        let (parts, shards) = shared.shards.remove(&frontier).unwrap_or_default();
        if parts < workers {
            // The frontier jumped past it before the request.
            assert_eq!(parts, 0, "a part of a snapshot is lost, which the next ones continue");
            continue;
        }
        let written: Vec<_> = shards.iter().map(|shard| (shard.shard, shard.is_base)).collect();
        manifest.advance(EPOCH, frontier, &written);
        let needed = manifest.segments();
        kept.extend(shards);
        kept.retain(|s| needed.contains(&SegmentKey { shard: s.shard, epoch: EPOCH, frontier: s.frontier }));
        kept.sort_by_key(|shard| (shard.shard, shard.frontier));
        let header = SnapshotHeader {
            ledger,
            resume,
            fingerprint: 0,
            log: String::new(),
            manifest: manifest.clone(),
            anchors: Vec::new(),
        };
        outcome.snapshots.push(Snapshot { header, shards: kept.clone() });
    }
    outcome
}

fn work(
    worker: &mut Worker,
    (settings, rows): (&Settings, bool),
    log: &[RecordBatch],
    plan: &Plan,
    shared: &Arc<Mutex<Shared>>,
) {
    let (index, peers) = (worker.index(), worker.peers());
    let owned: Vec<usize> = (0..log.len()).filter(|p| p % peers == index).collect();
    let resumed_from = plan.resume.as_ref().map_or(0, |snapshot| snapshot.header.ledger.row.frontier);
    let starts: Vec<ResumePoint> = owned.iter().map(|&p| start(plan, p)).collect();
    let bound_by = starts.iter().map(|start| start.frontier.bound_by()).min().unwrap_or(0);
    let mut next: Vec<usize> =
        starts.iter().zip(&owned).map(|(s, &p)| log[p].records.partition_point(|r| r.offset < s.offset)).collect();
    let mut ingress = Ingress::new(settings.clone(), index, peers, starts, resumed_from);
    for (at, &partition) in owned.iter().enumerate() {
        let wanted = memory_shard(partition as u32);
        let shard = plan.resume.iter().flat_map(|snapshot| &snapshot.shards).find(|shard| shard.shard == wanted);
        ingress.restore(at, shard.map(|shard| decode_memory(&shard.bytes).unwrap_or_default()).unwrap_or_default());
    }
    let (mut inputs, probe) = worker.dataflow(|scope| {
        let (inputs, outputs) = build(scope, settings, shards(plan, index, peers), &[], rows);
        (inputs, capture(outputs, plan, shared))
    });
    if owned.is_empty() {
        inputs.close();
    }
    let mut checkpoints = plan.checkpoints.clone();
    let mut pending = Vec::new();
    let mut batch = RecordBatch::default();
    let mut bindings = plan.bindings.iter().filter(|binding| binding.place >= bound_by);
    loop {
        ask_for_checkpoint(&mut ingress, index, &mut checkpoints);
        let next_bindings: Vec<_> = bindings.by_ref().take(plan.batch_records).collect();
        let mut fed = !next_bindings.is_empty();
        for binding in next_bindings {
            if let Some(at) = owned.iter().position(|&partition| partition == binding.partition as usize) {
                ingress.add_binding(at, *binding);
            }
        }
        for (at, &partition) in owned.iter().enumerate() {
            let rest = &log[partition].records[next[at]..];
            batch.clear();
            for span in &rest[..rest.len().min(plan.batch_records)] {
                match span.is_tombstone {
                    true => batch.push_tombstone(span.offset, span.timestamp_ms),
                    false => batch.push(span.offset, log[partition].record(span), span.timestamp_ms),
                }
            }
            let read = ingress.feed(at, &batch, 0);
            next[at] += read;
            fed |= read > 0;
            ingress.bind_up_to(at, next[at].checked_sub(1).map_or(0, |last| log[partition].records[last].offset + 1));
        }
        let frontier = ingress.frontier();
        inputs.send(ingress.take(), frontier.unwrap_or_default());
        if !fed && lock(shared).ends[index].is_none() {
            lock(shared).ends[index] = Some(frontier.unwrap_or(Time::MAX));
            pending.clone_from(&plan.checkpoints);
        }
        for _ in 0..plan.steps {
            worker.step();
        }
        if !fed && is_done(worker, shared, &probe) {
            break;
        }
    }
    end_snapshots(worker, &mut ingress, pending, shared);
    worker.drop_dataflow(0);
}

/// Completes the snapshots that were begun, and adds what the partitions know.
fn end_snapshots(worker: &mut Worker, ingress: &mut Ingress, pending: Vec<Time>, shared: &Mutex<Shared>) {
    if pending.is_empty() {
        return;
    }
    // They are encoded a little in each step.
    for _ in 0..SNAPSHOT_STEPS {
        worker.step();
    }
    let mut shared = lock(shared);
    for frontier in pending {
        shared.points.entry(frontier).or_default().extend(ingress.checkpoint_points(frontier));
        let memory = ingress.memory_shards(frontier).unwrap_or_default();
        shared.shards.entry(frontier).or_default().1.extend(memory);
    }
}

fn start(plan: &Plan, partition: usize) -> ResumePoint {
    let fresh = || ResumePoint::fresh(partition as u32, 0);
    plan.resume.as_ref().map_or_else(fresh, |snapshot| snapshot.header.resume[partition].clone())
}

fn shards(plan: &Plan, index: usize, peers: usize) -> Vec<LoadedShard> {
    let mut segments: BTreeMap<u32, Vec<&[u8]>> = BTreeMap::new();
    for shard in plan.resume.iter().flat_map(|snapshot| &snapshot.shards) {
        if shard.shard < SHARDS && shard.shard as usize % peers == index {
            segments.entry(shard.shard).or_default().push(&shard.bytes);
        }
    }
    segments.into_iter().map(|(shard, of)| decode_shard(shard, &of).unwrap_or_default()).collect()
}

fn ask_for_checkpoint(ingress: &mut Ingress, index: usize, checkpoints: &mut Vec<Time>) {
    let Some(frontier) = ingress.frontier().filter(|_| index == 0) else { return };
    checkpoints.retain(|&time| time > frontier);
    if !checkpoints.is_empty() {
        ingress.request_checkpoint(checkpoints.remove(0));
    }
}

fn is_done(worker: &mut Worker, shared: &Mutex<Shared>, probe: &Probe<Time>) -> bool {
    worker.step();
    let ends: Option<Vec<Time>> = lock(shared).ends.iter().copied().collect();
    ends.and_then(|ends| ends.into_iter().min()).is_some_and(|end| !probe.less_than(&end))
}

/// Collects all output in the shared state.
fn capture(outputs: Outputs<'_>, plan: &Plan, shared: &Arc<Mutex<Shared>>) -> Probe<Time> {
    let keep = Arc::clone(shared);
    outputs.candles.inner.inspect(move |update| lock(&keep).outcome.candles.push(update.clone()));
    let keep = Arc::clone(shared);
    outputs.indicators.inner.inspect(move |update| lock(&keep).outcome.indicators.push(update.clone()));
    let keep = Arc::clone(shared);
    outputs.rejected.inner.inspect(move |update| lock(&keep).outcome.rejected.push(update.clone()));
    let keep = Arc::clone(shared);
    outputs.gaps.inner.inspect(move |update| lock(&keep).outcome.gaps.push(update.clone()));
    let keep = Arc::clone(shared);
    outputs.snapshots.inspect(move |part| {
        let shards = part.shards.clone().unwrap_or_default();
        let mut shared = lock(&keep);
        let (parts, all) = shared.shards.entry(part.frontier).or_default();
        *parts += 1;
        all.extend(shards);
    });
    let start = plan.resume.as_ref().map_or_else(LedgerState::empty, |snapshot| snapshot.header.ledger.clone());
    let (keep, mut checkpoints, mut ledger) = (Arc::clone(shared), plan.checkpoints.clone(), Ledger::new(start));
    let is_first = outputs.ledger.scope().index() == 0;
    let to_first = Exchange::new(|_: &LedgerChange| 0);
    let done =
        outputs.ledger.unary_frontier::<CapacityContainerBuilder<Vec<()>>, _, _, _>(to_first, "Ledger", |_, _| {
            move |(input, frontier), _| {
                input.for_each_stamp(|_, batches| {
                    batches.flat_map(|b| b.drain(..)).for_each(|change| ledger.add(&change))
                });
                let Some(&now) = frontier.frontier().first().filter(|_| is_first) else { return };
                let mut shared = lock(&keep);
                while let Some(time) = checkpoints.first().copied().filter(|&time| time <= now) {
                    shared.outcome.kept.extend(ledger.advance(time));
                    shared.headers.insert(checkpoints.remove(0), ledger.state());
                }
                let now = ledger.exact(now);
                shared.outcome.kept.extend(ledger.advance(now));
                shared.outcome.passed.push(ledger.row().clone());
                shared.outcome.last = Some(ledger.row().clone());
            }
        });
    done.probe().0
}
