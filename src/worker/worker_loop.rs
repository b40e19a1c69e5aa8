//! One worker thread: read, send, step, in a loop. It parks when there is nothing to do, and never waits for the store.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use dataflows::build::{Inputs, Outputs, build};
use dataflows::candles::operator::SnapshotPart;
use dataflows::candles::state::SymbolState;
use dataflows::ingress::Ingress;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::positions::Positions;
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::{MINUTE_MS, Time};
use timely::dataflow::operators::probe::Handle as Probe;
use timely::dataflow::operators::{Inspect, Probe as _};
use timely::worker::Worker;

use super::commit::{Stops, commit};
use super::control::cluster_view::ClusterView;
use super::control::messages::{ControlChannel, ControlMessage, Part};
use super::partition_readers::Readers;
use super::sink::sink;
use super::store_thread::Command;
use super::symbol_table::Directory;
use super::{OnPanic, Shared, WorkerError};

/// How long a worker sleeps when its partitions hold nothing new, unless it is woken.
const IDLE: Duration = Duration::from_millis(10);
/// Time between two reports of a worker's read positions while the frontier is stalled.
const POSITIONS_EVERY: Duration = Duration::from_secs(1);
/// Time between two publications of the read positions while the frontier is stalled.
const PUBLISH_EVERY: Duration = Duration::from_secs(2);

/// Snapshot parts of this worker that have come out of the dataflow and not yet gone to the store.
type Parts = Rc<RefCell<Vec<SnapshotPart>>>;

/// Parts on their way to the store, and those that have arrived there.
struct Putting {
    under_way: usize,
    put: Sender<Part>,
    arrived: Receiver<Part>,
}

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
    putting: Putting,
    commands: Sender<Command>,
    next_checkpoint: Option<Instant>,
    /// The last checkpoint asked for.
    asked: Time,
    /// The second input, where there is one.
    directory: Option<Directory>,
    control: ControlChannel,
    view: Rc<RefCell<ClusterView>>,
    /// The frontier as of which resume points were last told.
    told: Time,
    /// When this worker last reported its positions.
    positions_sent: Instant,
    /// When the first worker last looked whether positions are to be published.
    positions_published: Instant,
    /// Whether this worker has told its end.
    told_end: bool,
    /// The last checkpoint that the first worker has told of.
    told_committed: Time,
}

/// Runs one worker until the end. On an error all workers end; no capability is dropped before.
pub(super) fn run(worker: &mut Worker, shared: &Arc<Shared>, states: Vec<SymbolState>) {
    let _on_panic = OnPanic(|| shared.fail(WorkerError::Thread("it panicked".to_owned())));
    if let Err(error) = try_run(worker, shared, states) {
        shared.fail(error);
    }
    if shared.has_failed() && shared.config.cluster.is_some() {
        // To end here would tell the other processes that this one has done its part.
        loop {
            std::thread::park();
        }
    }
    // The dataflow is cut off as a whole and is never stepped again: nothing it held is taken for progress.
    worker.installed_dataflows().into_iter().for_each(|dataflow| worker.drop_dataflow(dataflow));
}

fn try_run(worker: &mut Worker, shared: &Arc<Shared>, states: Vec<SymbolState>) -> Result<(), WorkerError> {
    let (index, peers) = (worker.index(), worker.peers());
    let readers = Readers::open(shared, index, peers)?;
    let Some(commands) = shared.store_thread.sender() else { return Ok(()) };
    let starts: Vec<ResumePoint> = shared.starts.iter().skip(index).step_by(peers).cloned().collect();
    let resumed_from = shared.resumed.as_ref().map_or(0, |header| header.row.frontier);
    let owns_none = starts.is_empty();
    let ingress = Ingress::new(shared.config.settings.clone(), index, peers, starts, resumed_from);
    let stops: Stops = Rc::new(RefCell::new(shared.config.stops.iter().copied().collect()));
    let parts = Parts::default();
    let view = Rc::new(RefCell::new(ClusterView::new(peers, shared.starts.clone(), resumed_from)));
    let (mut inputs, durable) = worker.dataflow(|scope| {
        let (inputs, outputs) = build(scope, &shared.config.settings, states, &shared.config.stops);
        (inputs, connect(outputs, shared, &stops, &parts, &view, &commands))
    });
    let mut control = ControlChannel::start(worker);
    if owns_none {
        inputs.close();
    }
    let directory = shared.symbols.as_ref().map(|symbols| Directory::start(worker, symbols, &commands)).transpose()?;
    if let Some(symbols) = shared.symbols.as_ref().filter(|_| index == 0) {
        control.tell_all(&ControlMessage::SymbolsEnd(symbols.end));
    }
    let next_checkpoint = shared.config.checkpoint_every.map(|every| Instant::now() + every).filter(|_| index == 0);
    let (put, arrived) = unbounded();
    let host = Host {
        shared,
        index,
        inputs,
        ingress,
        readers,
        durable,
        stops,
        parts,
        putting: Putting { under_way: 0, put, arrived },
        commands,
        next_checkpoint,
        asked: 0,
        directory,
        control,
        view,
        told: 0,
        positions_sent: Instant::now(),
        positions_published: Instant::now(),
        told_end: false,
        told_committed: resumed_from,
    };
    host.run(worker)
}

/// Connects the collections to the store, and the ledger to the durable frontier.
fn connect(
    outputs: Outputs<'_>,
    shared: &Arc<Shared>,
    stops: &Stops,
    parts: &Parts,
    view: &Rc<RefCell<ClusterView>>,
    commands: &Sender<Command>,
) -> Probe<Time> {
    let keep = Rc::clone(parts);
    outputs.snapshots.inspect(move |part| keep.borrow_mut().push(part.clone()));
    let start = shared.resumed.as_ref().map_or_else(FrontierRow::empty, |header| header.row.clone());
    let rows = shared
        .store_thread
        .keeps_rows()
        .then(|| sink(outputs.candles, outputs.indicators, outputs.rejected, commands.clone()));
    let keep = Rc::clone(view);
    let committed = move |row: &FrontierRow| {
        let mut view = keep.borrow_mut();
        view.last_row = Some(row.clone());
        view.published = view.positions_json();
        view.published.clone()
    };
    let done = commit(outputs.ledger, rows, start, Rc::clone(stops), committed, commands.clone());
    done.probe().0
}

impl Host<'_> {
    fn run(mut self, worker: &mut Worker) -> Result<(), WorkerError> {
        while !self.shared.watch.stop.load(Ordering::SeqCst) {
            self.talk()?;
            let durable = self.tell();
            self.publish_positions();
            self.ask_for_checkpoint();
            let records = self.readers.feed(self.shared, &mut self.ingress, durable)?;
            self.inputs.send(self.ingress.take(), self.frontier());
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
        self.leave(worker)
    }

    /// How far this worker's input is complete, and is to be.
    fn frontier(&self) -> Time {
        self.ingress.frontier().unwrap_or(Time::MAX).min(self.shared.config.until.unwrap_or(Time::MAX))
    }

    /// Hears what the others tell, and tells what the store has done.
    fn talk(&mut self) -> Result<(), WorkerError> {
        if self.index == self.shared.config.first_worker() {
            *self.shared.watch.stepped.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        if let Some(error) = self.shared.store_thread.take_failure() {
            return Err(error);
        }
        while let Some(message) = self.control.hear() {
            if let Some(part) = self.view.borrow_mut().hear(message) {
                self.command(Command::Part(part));
            }
        }
        while let Ok(part) = self.putting.arrived.try_recv() {
            self.putting.under_way -= 1;
            self.control.tell(0, ControlMessage::Part(part));
        }
        if self.index == 0 {
            let committed = self.shared.watch.checkpoint.load(Ordering::SeqCst);
            if committed > self.told_committed {
                self.told_committed = committed;
                self.control.tell_all(&ControlMessage::Committed(committed));
            }
        }
        Ok(())
    }

    fn command(&self, command: Command) {
        // The other end is gone only after an error, which ends the process.
        let _ = self.commands.send(command);
    }

    /// Looks how far things are durable, and tells the first worker when that has changed.
    fn tell(&mut self) -> Time {
        let durable = self.durable.with_frontier(|frontier| frontier.first().copied()).unwrap_or(Time::MAX);
        if durable == Time::MAX {
            return durable;
        }
        // Between advances of the frontier only the read positions move.
        if durable != self.told || self.positions_sent.elapsed() >= POSITIONS_EVERY {
            self.told = durable;
            self.positions_sent = Instant::now();
            let (resume, read) = (self.ingress.resume_points(durable), self.ingress.read_points());
            let positions = resume.into_iter().zip(read).map(|(resume, read)| Positions { resume, read: Some(read) });
            let positions: Vec<_> = positions.collect();
            if !positions.is_empty() {
                self.control.tell(0, ControlMessage::Positions(positions));
            }
            self.shared.watch.frontier.fetch_max(durable, Ordering::SeqCst);
        }
        // Before this no run will resume: the last checkpoint, or where none are made, the durable frontier.
        let makes_checkpoints = self.shared.config.checkpoint_every.is_some();
        let committed = self.view.borrow().committed();
        self.shared.watch.checkpoint.fetch_max(committed, Ordering::SeqCst);
        self.ingress.forget(if makes_checkpoints { committed } else { durable });
        durable
    }

    /// While the frontier is stalled, the first worker publishes the positions on their own, so that everybody can tell
    /// what is read and waiting from what is unread.
    fn publish_positions(&mut self) {
        if self.index != 0 || self.positions_published.elapsed() < PUBLISH_EVERY {
            return;
        }
        self.positions_published = Instant::now();
        let mut view = self.view.borrow_mut();
        let (Some(row), resume) = (view.last_row.clone(), view.positions_json()) else { return };
        if resume != view.published {
            view.published.clone_from(&resume);
            drop(view);
            self.command(Command::Frontier { row, kept: Vec::new(), resume, ack: Box::new(|| ()) });
        }
    }

    /// The first worker asks for a checkpoint as of the next full minute, when one is due. Its own frontier holds all
    /// others back until they have heard of it. One at a time: a store that is away must not let them pile up.
    fn ask_for_checkpoint(&mut self) {
        if self.asked > self.view.borrow().committed() {
            return;
        }
        let (Some(due), Some(every)) = (self.next_checkpoint, self.shared.config.checkpoint_every) else { return };
        let Some(frontier) = self.ingress.frontier().filter(|&f| f > 0 && Instant::now() >= due) else { return };
        let time = (frontier / MINUTE_MS + 1) * MINUTE_MS;
        if self.stops.borrow().iter().all(|&stop| stop != time) {
            self.stops.borrow_mut().insert(time);
            self.ingress.request_checkpoint(time);
            self.asked = time;
        }
        self.next_checkpoint = Some(Instant::now() + every);
    }

    fn pass_on_parts(&mut self) {
        for part in self.parts.borrow_mut().drain(..) {
            let (frontier, shards) = (part.frontier, part.shards.as_ref().map_or(0, Vec::len) as u32);
            let arrived = Part { frontier, shards, resume: self.ingress.resume_points(frontier) };
            let put = self.putting.put.clone();
            self.putting.under_way += 1;
            let ack = Box::new(move || {
                // The worker is gone only when the process ends.
                let _ = put.send(arrived);
            });
            let _ = self.commands.send(Command::Shards(part, ack));
        }
    }

    /// Whether everything that the log held at the start, and that its frontier covers, is durable.
    fn is_done(&mut self) -> bool {
        if !self.told_end && self.readers.at_end(&self.ingress, self.shared.config.until) {
            self.told_end = true;
            self.control.tell_all(&ControlMessage::End { worker: self.index, end: self.frontier() });
        }
        let is_durable = |end| !self.durable.less_than(&end);
        let view = self.view.borrow();
        let is_written = |directory: &Directory| view.symbols_end().is_some_and(|end| directory.is_done(end));
        view.end().is_some_and(is_durable) && self.directory.as_ref().is_none_or(is_written)
    }

    /// Tells the last; the first worker waits for that of all others. Resume points are published one commit behind;
    /// at the end the last frontier row gets those as of itself.
    fn leave(mut self, worker: &mut Worker) -> Result<(), WorkerError> {
        let mut told = false;
        while !(told && (self.index != 0 || self.view.borrow().all_done())) {
            self.talk()?;
            self.tell();
            if self.shared.has_failed() {
                return Ok(());
            }
            if !told && self.putting.under_way == 0 {
                told = true;
                self.control.tell(0, ControlMessage::Done);
            }
            worker.step_or_park(Some(IDLE));
            self.pass_on_parts();
        }
        let resume = self.view.borrow().positions_json();
        let row = self.view.borrow_mut().last_row.take();
        if let Some(row) = row {
            *self.shared.watch.row.lock().unwrap_or_else(PoisonError::into_inner) = Some(row.clone());
            self.command(Command::Frontier { row, kept: Vec::new(), resume, ack: Box::new(|| ()) });
        }
        Ok(())
    }
}
