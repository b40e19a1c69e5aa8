//! One worker thread: read, send, step, in a loop. It parks when there is nothing to do, and never waits for the store.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use dataflows::build::{Inputs, Outputs, build};
use dataflows::ingress::Ingress;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::output::ledger::LedgerState;
use dataflows::progress::positions::Positions;
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::Time;
use dataflows::settings::ProgressMode;
use dataflows::state::snapshot::LoadedShard;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Probe as _;
use timely::dataflow::operators::generic::operator::Operator as _;
use timely::dataflow::operators::probe::Handle as Probe;
use timely::scheduling::SyncActivator;
use timely::worker::Worker;

use super::WorkerError;
use super::checkpoint::parts::{Emitted, Parts};
use super::checkpoint::schedule::Schedule;
use super::clock::Clock;
use super::commit::{CommitStart, Stops, commit};
use super::control::cluster_view::ClusterView;
use super::control::messages::{ControlChannel, ControlMessage, Reading};
use super::heartbeats::Heartbeats;
use super::host::{OnPanic, Shared};
use super::life::LifeWatch;
use super::partition_readers::Readers;
use super::sink::sink;
use super::store_command::Command;
use super::symbol_table::SymbolTable;
use crate::store::{Ended, Life};

mod ending;

use ending::Ending;

/// Maximum sleep of a worker whose partitions have nothing new.
const IDLE: Duration = Duration::from_millis(10);
/// Time between two reports of a worker's read positions while the frontier is stalled.
const POSITIONS_EVERY: Duration = Duration::from_secs(1);
/// Time between two publications of the read positions while the frontier is stalled.
const PUBLISH_EVERY: Duration = Duration::from_secs(2);

/// State of one worker thread.
pub(super) struct WorkerLoop {
    shared: Arc<Shared>,
    index: usize,
    inputs: Inputs,
    ingress: Ingress,
    readers: Readers,
    durable: Probe<Time>,
    /// Wakes the sink, if rows are kept.
    sink: Option<SyncActivator>,
    stops: Stops,
    parts: Parts,
    commands: Sender<Command>,
    /// On the first worker, if checkpoints are made.
    schedule: Option<Schedule>,
    /// The second input, if there is a symbol log.
    symbol_table: Option<SymbolTable>,
    control: ControlChannel,
    view: Rc<RefCell<ClusterView>>,
    /// The durable frontier as of which positions were last sent.
    reported: Time,
    /// When this worker last sent its positions.
    positions_sent: Instant,
    /// When the first worker last compared the positions with the published ones.
    positions_published: Instant,
    /// Life of the sources of this worker's partitions.
    life: LifeWatch,
    /// The heartbeats of the first worker.
    heartbeats: Heartbeats,
    /// What this worker last sent of its reading.
    reading: Option<Reading>,
    /// Whether this worker has sent its end.
    sent_end: bool,
    /// The last checkpoint that the first worker has announced.
    announced: Time,
    /// Whether this process's stop was announced.
    announced_stop: bool,
    /// Since everything up to the end of the run is durable.
    ending: Option<Ending>,
}

/// Runs one worker until the end. On an error all workers end; no capability is dropped before.
pub(super) fn run(worker: &mut Worker, shared: &Arc<Shared>, states: Vec<LoadedShard>) {
    let _on_panic = OnPanic(|| shared.fail(WorkerError::Thread("a worker panicked".to_owned())));
    if let Err(error) = run_to_end(worker, shared, states) {
        shared.fail(error);
    }
    if shared.has_failed() && shared.config.cluster.is_some() {
        // Ending here would look to the other processes as if this one had finished.
        loop {
            std::thread::park();
        }
    }
    drop_dataflows(worker);
}

/// Drops the dataflows as a whole. They are never stepped again, so dropped capabilities do not count as progress.
pub(super) fn drop_dataflows(worker: &mut Worker) {
    worker.installed_dataflows().into_iter().for_each(|dataflow| worker.drop_dataflow(dataflow));
}

fn run_to_end(worker: &mut Worker, shared: &Arc<Shared>, states: Vec<LoadedShard>) -> Result<(), WorkerError> {
    let Some(mut worker_loop) = WorkerLoop::start(worker, shared, states)? else { return Ok(()) };
    while worker_loop.turn(worker, IDLE)? != Turn::Ended {}
    Ok(())
}

/// What a turn did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It read something, or works on what it has read.
    Read,
    /// There was nothing to read, or it may not be read yet.
    Idle,
    /// The run has ended, and with it this worker.
    Ended,
}

/// Connects the collections to the store, and the ledger to the durable frontier.
fn connect(
    outputs: Outputs<'_>,
    shared: &Arc<Shared>,
    stops: &Stops,
    emitted: &Emitted,
    view: &Rc<RefCell<ClusterView>>,
    commands: &Sender<Command>,
) -> (Probe<Time>, Option<SyncActivator>) {
    let emitted = Rc::clone(emitted);
    // Moved, not copied: a part is as large as the state.
    outputs.snapshots.sink(Pipeline, "Parts", move |(input, _)| {
        input.for_each(|_, parts| emitted.borrow_mut().append(parts));
    });
    let ledger = shared.resumed.as_ref().map_or_else(LedgerState::empty, |header| header.ledger.clone());
    let start = CommitStart { ledger, known: shared.proof.until() };
    let (candles, indicators, rejected, gaps) = (outputs.candles, outputs.indicators, outputs.rejected, outputs.gaps);
    let keeps_rows = shared.store_thread.keeps_rows();
    let sink =
        keeps_rows.then(|| sink(candles, indicators, rejected, gaps, Arc::clone(&shared.proof), commands.clone()));
    let (rows, proved) = sink.unzip();
    let (view, proof, proving) = (Rc::clone(view), Arc::clone(&shared.proof), Rc::clone(view));
    let prove = move |row: &FrontierRow| {
        if proof.is_given() || row.frontier != proof.until() {
            return true;
        }
        let outcome = proof.check(row);
        let is_given = outcome.is_ok();
        proving.borrow_mut().proof = Some(outcome);
        is_given
    };
    let committed = move |ledger: &LedgerState| {
        let mut view = view.borrow_mut();
        view.last_ledger = Some(ledger.clone());
        view.published = view.positions_json();
        view.published.clone()
    };
    let done = commit(outputs.ledger, rows, start, Rc::clone(stops), prove, committed, commands.clone());
    (done.probe().0, proved)
}

impl WorkerLoop {
    /// Builds the dataflows of one worker; `None` if the store thread has ended already.
    pub(super) fn start(
        worker: &mut Worker,
        shared: &Arc<Shared>,
        states: Vec<LoadedShard>,
    ) -> Result<Option<Self>, WorkerError> {
        let (index, peers) = (worker.index(), worker.peers());
        let readers = Readers::open(shared, index, peers)?;
        let Some(commands) = shared.store_thread.sender() else { return Ok(None) };
        let starts: Vec<ResumePoint> = shared.starts.iter().skip(index).step_by(peers).cloned().collect();
        let resumed_from = shared.resumed.as_ref().map_or(0, |header| header.ledger.row.frontier);
        let owns_none = starts.is_empty();
        let partitions: Vec<u32> = starts.iter().map(|start| start.partition).collect();
        let mut ingress = Ingress::new(shared.config.settings.clone(), index, peers, starts, resumed_from);
        shared.config.only.iter().for_each(|symbol| ingress.send_only(symbol.clone()));
        partitions
            .into_iter()
            .enumerate()
            .for_each(|(at, partition)| ingress.restore(at, shared.take_memory(partition)));
        let must_prove = (!shared.proof.is_given()).then(|| shared.proof.until());
        let all_stops: Vec<Time> = shared.config.stops.iter().copied().chain(must_prove).collect();
        let stops: Stops = Rc::new(RefCell::new(all_stops.iter().copied().collect()));
        let emitted = Emitted::default();
        let view = Rc::new(RefCell::new(ClusterView::new(peers, shared.starts.clone(), resumed_from)));
        let (mut inputs, (durable, sink)) = worker.dataflow(|scope| {
            let keeps_rows = shared.store_thread.keeps_rows();
            let (inputs, outputs) = build(scope, &shared.config.settings, states, &all_stops, keeps_rows);
            (inputs, connect(outputs, shared, &stops, &emitted, &view, &commands))
        });
        let mut control = ControlChannel::start(worker);
        if owns_none {
            inputs.close();
        }
        let symbol_table =
            shared.symbols.as_ref().map(|symbols| SymbolTable::start(worker, symbols, &commands)).transpose()?;
        if let Some(symbols) = shared.symbols.as_ref().filter(|_| index == 0) {
            control.broadcast(&ControlMessage::SymbolsEnd(symbols.end));
        }
        let clock = &shared.config.clock;
        let checkpoint_every = shared.config.checkpoint_every.filter(|_| index == 0);
        Ok(Some(Self {
            shared: Arc::clone(shared),
            index,
            inputs,
            ingress,
            readers,
            durable,
            sink,
            stops,
            parts: Parts::new(emitted),
            commands,
            schedule: checkpoint_every.map(|every| Schedule::new(every, clock.now())),
            symbol_table,
            control,
            view,
            reported: 0,
            positions_sent: clock.now(),
            positions_published: clock.now(),
            life: LifeWatch::new(shared.heartbeat.as_ref(), clock.wall_ms()),
            heartbeats: Heartbeats::default(),
            reading: None,
            sent_end: false,
            announced: resumed_from,
            announced_stop: false,
            ending: None,
        }))
    }

    /// One turn: reads, sends, steps, and waits up to `patience` when there is nothing to do.
    pub(super) fn turn(&mut self, worker: &mut Worker, patience: Duration) -> Result<Turn, WorkerError> {
        self.exchange_messages()?;
        if self.shared.has_failed() {
            return Ok(Turn::Ended);
        }
        let durable = self.report_durable();
        if let Some(ending) = self.ending {
            return self.end_turn(worker, ending, patience);
        }
        self.publish_positions();
        self.beat(None);
        self.exchange_readings();
        let is_behind = self.inputs.is_behind();
        let records = if self.sent_end { 0 } else { self.read(durable, is_behind)? };
        let symbols = self.symbol_table.as_mut().map_or(Ok(0), SymbolTable::feed)?;
        let is_busy = records > 0 || symbols > 0 || is_behind;
        worker.step_or_park(Some(if is_busy { Duration::ZERO } else { patience }));
        self.parts.send(&mut self.ingress, &self.commands);
        if let Some(end) = self.end(records == 0 && !is_behind) {
            self.begin_to_end(end)?;
        }
        Ok(if is_busy { Turn::Read } else { Turn::Idle })
    }

    fn clock(&self) -> &Clock {
        &self.shared.config.clock
    }

    /// Reads the next records, unless there is enough to do, and sends what they hold. Always sends how far the
    /// frontier is: the end of a run that is stopped is the frontier that was sent last.
    fn read(&mut self, durable: Time, is_behind: bool) -> Result<u64, WorkerError> {
        self.request_checkpoint();
        let records = if is_behind { 0 } else { self.readers.feed(&self.shared, &mut self.ingress, durable)? };
        self.inputs.send(self.ingress.take(), self.frontier());
        Ok(records)
    }

    /// In a run until the end of the log: sends the others how far this worker is. Without progress records the end of
    /// a partition says that nothing more comes, so it does not hold back the others.
    fn exchange_readings(&mut self) {
        if !self.shared.config.until_end || self.sent_end {
            return;
        }
        let reading = self.readers.reading(&self.ingress, self.shared.config.until);
        if self.reading != Some(reading) {
            self.reading = Some(reading);
            self.control.broadcast(&ControlMessage::Reading { worker: self.index, reading });
        }
        if self.follows_trades()
            && let Some(followed) = self.view.borrow().followed()
        {
            self.readers.follow(&mut self.ingress, followed);
        }
    }

    /// Whether this worker has read what the log held at the start. Without progress records its partitions have to
    /// follow those of the others to the end first.
    fn has_read(&self) -> bool {
        let is_last = !self.follows_trades() || self.view.borrow().is_all_read();
        is_last && self.readers.at_end(&self.ingress, self.shared.config.until)
    }

    /// Whether the frontier cannot move any more: a partition that was read to its end holds it back, and the others
    /// are too far ahead of it to be read.
    fn is_stuck(&self) -> bool {
        !self.follows_trades()
            && self.view.borrow().limit().is_some_and(|limit| limit <= self.reported)
            && self.readers.are_blocked(&self.shared.config, &self.ingress, self.reported)
    }

    /// Whether the newest trades move the frontier, so that the end of a partition says that nothing more comes.
    fn follows_trades(&self) -> bool {
        matches!(self.shared.config.settings.progress, ProgressMode::BoundedOutOfOrderness { .. })
    }

    fn is_stopping(&self) -> bool {
        self.shared.watch.stop.load(Ordering::SeqCst)
    }

    /// The frontier of this worker's input, up to the end of the run.
    fn frontier(&self) -> Time {
        self.ingress.frontier().unwrap_or(Time::MAX).min(self.shared.config.until.unwrap_or(Time::MAX))
    }

    /// Applies the messages of other workers, and sends those about the store's progress.
    fn exchange_messages(&mut self) -> Result<(), WorkerError> {
        if self.index == self.shared.config.first_worker() {
            *self.shared.watch.stepped.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        if let Some(error) = self.shared.store_thread.take_failure() {
            return Err(error);
        }
        if self.index == self.shared.config.first_worker() && self.is_stopping() && !self.announced_stop {
            self.announced_stop = true;
            self.control.broadcast(&ControlMessage::Stop);
        }
        while let Some(message) = self.control.receive() {
            match message {
                ControlMessage::Stop => self.shared.watch.stop.store(true, Ordering::SeqCst),
                ControlMessage::Proved => self.begin_to_write(),
                _ => {}
            }
            let part = self.view.borrow_mut().apply(message);
            if let Some(part) = part {
                self.command(Command::Part(part));
            }
        }
        while let Some(part) = self.parts.next_stored() {
            self.control.send(0, ControlMessage::Part(part));
        }
        if self.index == 0 {
            let proof = self.view.borrow_mut().proof.take();
            if let Some(outcome) = proof {
                outcome?;
                self.control.broadcast(&ControlMessage::Proved);
            }
            let committed = self.shared.watch.checkpoint.load(Ordering::SeqCst);
            if committed > self.announced {
                self.announced = committed;
                self.control.broadcast(&ControlMessage::Committed(committed));
            }
        }
        Ok(())
    }

    /// The log has given again what the store holds.
    fn begin_to_write(&self) {
        self.shared.proof.give();
        // The dataflow is there as long as this loop.
        let _ = self.sink.as_ref().map(SyncActivator::activate);
    }

    fn command(&self, command: Command) {
        // The store thread is gone only after an error, which ends the process.
        let _ = self.commands.send(command);
    }

    /// Reads the durable frontier, and sends resume points to the first worker when it has moved.
    fn report_durable(&mut self) -> Time {
        let durable = self.durable.with_frontier(|frontier| frontier.first().copied()).unwrap_or(Time::MAX);
        if durable == Time::MAX {
            return durable;
        }
        // Between advances of the frontier only the read positions move.
        let now = self.clock().now();
        if durable != self.reported || now.duration_since(self.positions_sent) >= POSITIONS_EVERY {
            self.reported = durable;
            self.positions_sent = now;
            let (resume, read) = (self.ingress.resume_points(durable), self.ingress.read_points());
            let positions = resume.into_iter().zip(read).map(|(resume, read)| Positions { resume, read: Some(read) });
            let positions: Vec<_> = positions.collect();
            if !positions.is_empty() {
                self.control.send(0, ControlMessage::Positions(positions));
                if self.life.is_due(now) {
                    self.send_life();
                }
            }
            self.shared.watch.frontier.fetch_max(durable, Ordering::SeqCst);
        }
        // No run will resume before the last checkpoint; without checkpoints, before the durable frontier.
        let makes_checkpoints = self.shared.config.checkpoint_every.is_some();
        let committed = self.view.borrow().committed();
        self.shared.watch.checkpoint.fetch_max(committed, Ordering::SeqCst);
        self.ingress.forget(if makes_checkpoints { committed } else { durable });
        durable
    }

    /// While the frontier is stalled, the first worker publishes the positions on their own, so that readers can
    /// distinguish records that were read and wait from unread ones.
    fn publish_positions(&mut self) {
        let now = self.clock().now();
        if self.index != 0 || now.duration_since(self.positions_published) < PUBLISH_EVERY {
            return;
        }
        self.positions_published = now;
        let mut view = self.view.borrow_mut();
        let (Some(row), resume) = (view.last_ledger.clone().map(|ledger| ledger.row), view.positions_json()) else {
            return;
        };
        if resume != view.published {
            view.published.clone_from(&resume);
            drop(view);
            self.command(Command::Frontier { row, kept: Vec::new(), resume, ack: Box::new(|| ()) });
        }
    }

    fn send_life(&mut self) {
        let life = self.life.look(&self.ingress, &self.readers, self.reported, &self.shared.config.clock);
        self.shared.watch.publish_life(&life);
        self.control.send(0, ControlMessage::Life(life));
    }

    /// The first worker's sign of life, with what it knows of all sources.
    fn beat(&mut self, ended: Option<Ended>) {
        let now = self.clock().now();
        if self.index != 0 || !self.shared.store_thread.keeps_rows() || !self.heartbeats.is_due(ended.is_some(), now) {
            return;
        }
        let Some(partitions) = self.view.borrow().life() else { return };
        let life = Life { ended, progress: self.shared.config.settings.progress, partitions };
        let ack = self.heartbeats.begin(now);
        self.command(Command::Beat(self.clock().wall_ms(), life, ack));
    }

    /// Requests a checkpoint when one is due. The first worker's own frontier holds back all others until they know of
    /// it.
    fn request_checkpoint(&mut self) {
        let Some(schedule) = self.schedule.as_mut().filter(|_| self.shared.proof.is_given()) else { return };
        let is_stop = |time| self.stops.borrow().contains(&time);
        let committed = self.view.borrow().committed();
        if let Some(time) = schedule.due(self.shared.config.clock.now(), self.ingress.frontier(), committed, is_stop) {
            self.stops.borrow_mut().insert(time);
            self.ingress.request_checkpoint(time);
        }
    }
}
