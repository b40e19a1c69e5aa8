//! One worker thread: read, send, step, in a loop. It parks when there is nothing to do, and never waits for the store.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use dataflows::build::{Inputs, Outputs, build};
use dataflows::frontier::FrontierRow;
use dataflows::ingress::Ingress;
use dataflows::resume::ResumePoint;
use dataflows::time::{MINUTE_MS, Time};
use dataflows::window_state::SymbolState;
use dataflows::windows::SnapshotPart;
use timely::dataflow::operators::probe::Handle as Probe;
use timely::dataflow::operators::{Inspect, Probe as _};
use timely::worker::Worker;

use super::commit::{Stops, commit};
use super::companion::Command;
use super::directory::Directory;
use super::read::Readers;
use super::sink::sink;
use super::{Shared, WorkerError};

/// How long a worker sleeps when its partitions hold nothing new, unless it is woken.
const IDLE: Duration = Duration::from_millis(10);

/// Snapshot parts of this worker that have come out of the dataflow and not yet gone to the store.
type Parts = Rc<RefCell<Vec<SnapshotPart>>>;

/// One worker's end of the dataflow.
struct Host<'a> {
    shared: &'a Shared,
    index: usize,
    inputs: Inputs,
    ingress: Ingress,
    readers: Readers,
    durable: Probe<Time>,
    stops: Stops,
    parts: Parts,
    commands: Sender<Command>,
    next_checkpoint: Option<Instant>,
    /// The second input, where there is one.
    directory: Option<Directory>,
    /// The frontier as of which resume points were last told.
    told: Time,
}

/// Runs one worker until the end. On an error all workers end; no capability is dropped before.
pub(super) fn run(worker: &mut Worker, shared: &Arc<Shared>, states: Vec<SymbolState>) {
    if let Err(error) = try_run(worker, shared, states) {
        shared.fail(error);
    }
    // The dataflow is cut off as a whole and is never stepped again: nothing it held is taken for progress.
    worker.installed_dataflows().into_iter().for_each(|dataflow| worker.drop_dataflow(dataflow));
}

fn try_run(worker: &mut Worker, shared: &Arc<Shared>, states: Vec<SymbolState>) -> Result<(), WorkerError> {
    let (index, peers) = (worker.index(), worker.peers());
    let readers = Readers::open(shared, index, peers)?;
    let Some(commands) = shared.companion.sender() else { return Ok(()) };
    let starts: Vec<ResumePoint> = shared.starts.iter().skip(index).step_by(peers).cloned().collect();
    let resumed_from = shared.resumed.as_ref().map_or(0, |header| header.row.frontier);
    let owns_none = starts.is_empty();
    let ingress = Ingress::new(shared.config.settings.clone(), index, peers, starts, resumed_from);
    let stops: Stops = Rc::new(RefCell::new(shared.config.stops.iter().copied().collect()));
    let parts = Parts::default();
    let (mut inputs, durable) = worker.dataflow(|scope| {
        let (inputs, outputs) = build(scope, &shared.config.settings, states, &shared.config.stops);
        (inputs, connect(outputs, shared, &stops, &parts, &commands))
    });
    if owns_none {
        inputs.close();
    }
    let directory = shared.symbols.as_ref().map(|symbols| Directory::start(worker, symbols, &commands)).transpose()?;
    let next_checkpoint = shared.config.checkpoint_every.map(|every| Instant::now() + every).filter(|_| index == 0);
    let host = Host {
        shared,
        index,
        inputs,
        ingress,
        readers,
        durable,
        stops,
        parts,
        commands,
        next_checkpoint,
        directory,
        told: 0,
    };
    host.run(worker)
}

/// Connects the collections to the store, and the ledger to the durable frontier.
fn connect(
    outputs: Outputs<'_>,
    shared: &Arc<Shared>,
    stops: &Stops,
    parts: &Parts,
    commands: &Sender<Command>,
) -> Probe<Time> {
    let keep = Rc::clone(parts);
    outputs.snapshots.inspect(move |part| keep.borrow_mut().push(part.clone()));
    let start = shared.resumed.as_ref().map_or_else(FrontierRow::empty, |header| header.row.clone());
    let rows = shared
        .companion
        .keeps_rows()
        .then(|| sink(outputs.candles, outputs.indicators, outputs.rejected, commands.clone()));
    let keep = Arc::clone(shared);
    let committed = move |row: &FrontierRow| {
        *keep.last_row.lock().unwrap_or_else(PoisonError::into_inner) = Some(row.clone());
        keep.resume_json()
    };
    let done = commit(outputs.ledger, rows, start, Rc::clone(stops), committed, commands.clone());
    done.probe().0
}

impl Host<'_> {
    fn run(mut self, worker: &mut Worker) -> Result<(), WorkerError> {
        while !self.shared.watch.stop.load(Ordering::SeqCst) {
            if let Some(error) = self.shared.companion.take_failure() {
                return Err(error);
            }
            let durable = self.tell();
            self.ask_for_checkpoint();
            let records = self.readers.feed(self.shared, &mut self.ingress, durable)?;
            self.inputs.send(self.ingress.take(), self.ingress.frontier().unwrap_or(Time::MAX));
            let symbols = self.directory.as_mut().map_or(Ok(0), Directory::feed)?;
            if records > 0 || symbols > 0 {
                worker.step();
            } else {
                worker.step_or_park(Some(IDLE));
            }
            self.pass_on_parts();
            if self.shared.config.until_end && records == 0 && self.is_done() {
                break;
            }
        }
        self.tell();
        Ok(())
    }

    /// Looks how far things are durable, and tells the others when that has changed.
    fn tell(&mut self) -> Time {
        let durable = self.durable.with_frontier(|frontier| frontier.first().copied()).unwrap_or(Time::MAX);
        if durable == self.told || durable == Time::MAX {
            return durable;
        }
        self.told = durable;
        let points = self.ingress.resume_points(durable);
        let mut resume = self.shared.resume.lock().unwrap_or_else(PoisonError::into_inner);
        for point in points {
            let at = point.partition as usize;
            resume[at] = point;
        }
        self.ingress.forget(self.shared.forgettable(durable));
        self.shared.watch.frontier.fetch_max(durable, Ordering::SeqCst);
        durable
    }

    /// The first worker asks for a checkpoint as of the next full minute, when one is due. Its own frontier holds all
    /// others back until they have heard of it.
    fn ask_for_checkpoint(&mut self) {
        let (Some(due), Some(every)) = (self.next_checkpoint, self.shared.config.checkpoint_every) else { return };
        let Some(frontier) = self.ingress.frontier().filter(|&f| f > 0 && Instant::now() >= due) else { return };
        let time = (frontier / MINUTE_MS + 1) * MINUTE_MS;
        if self.stops.borrow().iter().all(|&stop| stop != time) {
            self.stops.borrow_mut().insert(time);
            self.ingress.request_checkpoint(time);
        }
        self.next_checkpoint = Some(Instant::now() + every);
    }

    fn pass_on_parts(&mut self) {
        for part in self.parts.borrow_mut().drain(..) {
            let resume = self.ingress.resume_points(part.frontier);
            // The other end is gone only after an error, which ends the process.
            let _ = self.commands.send(Command::Part(part, resume));
        }
    }

    /// Whether everything that the log held at the start, and that its frontier covers, is durable.
    fn is_done(&mut self) -> bool {
        let mut ends = self.shared.ends.lock().unwrap_or_else(PoisonError::into_inner);
        if ends[self.index].is_none() && self.readers.at_end() {
            ends[self.index] = Some(self.ingress.frontier().unwrap_or(Time::MAX));
        }
        let ends: Option<Vec<Time>> = ends.iter().copied().collect();
        let is_durable = |end| !self.durable.less_than(&end);
        ends.and_then(|ends| ends.into_iter().min()).is_some_and(is_durable)
            && self.directory.as_ref().is_none_or(Directory::is_done)
    }
}

impl Shared {
    /// Before this no run will resume: the last checkpoint, or where checkpoints are not made, the durable frontier.
    fn forgettable(&self, durable: Time) -> Time {
        if self.config.checkpoint_every.is_some() { self.checkpoint.load(Ordering::SeqCst) } else { durable }
    }

    /// The resume points as people read them.
    pub(super) fn resume_json(&self) -> String {
        let resume = self.resume.lock().unwrap_or_else(PoisonError::into_inner);
        let points: Vec<_> = resume
            .iter()
            .map(|point| {
                serde_json::json!({
                    "partition": point.partition,
                    "offset": point.offset,
                    "frontier": point.frontier.frontier_ms(),
                    "sources": point.frontier.sources().collect::<std::collections::BTreeMap<_, _>>(),
                })
            })
            .collect();
        serde_json::Value::from(points).to_string()
    }
}
