//! The store thread: the only one that calls the store, so that a worker never waits for it.
//!
//! Commands arrive over a channel and are executed in order; each is acknowledged when it is durable. After an error
//! nothing more is acknowledged: the durable frontier stalls, and the process ends with the error.
//!
//! The shards of a checkpoint can be many megabytes. They are written between commands, a few at a time, so that no row
//! waits for them.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, TryRecvError, unbounded};
use dataflows::output::frontier_row::FrontierRow;

use super::checkpoint::collect::Collector;
use super::host::OnPanic;
use super::store_command::{Ack, Command, Kind};
use super::{Watch, WorkerError};
use crate::rejected::mirror::Mirror;
use crate::store::{DurableFrontier, Heartbeat, RowBatch, Store};

/// The workers' handle to the store thread.
pub(super) struct StoreThread {
    commands: Mutex<Option<Sender<Command>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    failure: Arc<Mutex<Option<WorkerError>>>,
    keeps_rows: bool,
}

impl StoreThread {
    /// The handle, and what executes its commands.
    pub(super) fn new(
        store: Box<dyn Store>,
        mirror: Option<Mirror>,
        epoch: u64,
        collector: Collector,
        watch: Arc<Watch>,
    ) -> (Self, Executor) {
        // Unbounded, since a worker must not wait for the store. Its users bound what they have in flight: one batch
        // per worker, one frontier, and the parts of the few checkpoints within the bound on reading ahead.
        let (sender, commands) = unbounded();
        watch.store.observe(commands.clone(), store.retries());
        let keeps_rows = store.keeps_rows();
        let failure = Arc::default();
        let executor = Executor { commands, failure: Arc::clone(&failure), store, mirror, epoch, collector, watch };
        (Self { commands: Mutex::new(Some(sender)), thread: Mutex::new(None), failure, keeps_rows }, executor)
    }

    /// Starts the thread.
    pub(super) fn start(&self, mut executor: Executor) {
        let thread = std::thread::spawn(move || {
            let failure = Arc::clone(&executor.failure);
            let panicked = || WorkerError::Thread("the store thread panicked".to_owned());
            let _on_panic = OnPanic(|| *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(panicked()));
            while executor.turn(true) != Executed::Ended {}
        });
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
    }

    /// Whether rows are written at all.
    pub(super) fn keeps_rows(&self) -> bool {
        self.keeps_rows
    }

    /// A command sender for one worker.
    pub(super) fn sender(&self) -> Option<Sender<Command>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The error that ended the thread, once.
    pub(super) fn take_failure(&self) -> Option<WorkerError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits until all commands are executed, and ends the thread.
    pub(super) fn finish(&self) {
        drop(self.commands.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // The panic hook has reported a panic there already.
            let _ = thread.join();
        }
    }
}

/// Executes the commands, in order.
pub(super) struct Executor {
    commands: Receiver<Command>,
    failure: Arc<Mutex<Option<WorkerError>>>,
    store: Box<dyn Store>,
    mirror: Option<Mirror>,
    epoch: u64,
    collector: Collector,
    watch: Arc<Watch>,
}

/// What a turn of the store thread did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executed {
    /// It executed a command, or wrote shards.
    Something,
    /// There was nothing to do.
    Nothing,
    /// Nothing more will come, or the store has failed: nothing more is acknowledged.
    Ended,
}

impl Executor {
    /// Executes the next command, and writes some shards of a checkpoint: also where commands never pause. Without a
    /// command it writes shards only. With nothing to do, it may wait for a command.
    pub(super) fn turn(&mut self, may_wait: bool) -> Executed {
        self.try_turn(may_wait).unwrap_or_else(|error| {
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            Executed::Ended
        })
    }

    /// Commands that wait.
    pub(super) fn waiting(&self) -> usize {
        self.commands.len()
    }

    fn try_turn(&mut self, may_wait: bool) -> Result<Executed, WorkerError> {
        let has_shards = self.collector.has_shards();
        let command = match self.commands.try_recv() {
            Err(_) if has_shards => None,
            Err(TryRecvError::Empty) if !may_wait => return Ok(Executed::Nothing),
            Err(TryRecvError::Empty) => match self.commands.recv() {
                Ok(command) => Some(command),
                Err(_) => return Ok(Executed::Ended),
            },
            Err(TryRecvError::Disconnected) => return Ok(Executed::Ended),
            Ok(command) => Some(command),
        };
        command.map_or(Ok(()), |command| self.execute(command))?;
        self.collector.write_some_shards(&mut *self.store)?;
        Ok(Executed::Something)
    }

    fn execute(&mut self, command: Command) -> Result<(), WorkerError> {
        match command {
            Command::Write(rows, ack) => self.write(&rows, ack),
            Command::Frontier { row, kept, resume, ack } => {
                let frontier = DurableFrontier { row, epoch: self.epoch, resume };
                self.publish(&frontier, &kept, ack)
            }
            Command::Beat(written_ms, life, ack) => {
                let heartbeat = Heartbeat { epoch: self.epoch, written_ms, life };
                self.watch.store.time(Kind::Heartbeat, || self.store.beat(&heartbeat))?;
                ack();
                Ok(())
            }
            Command::LedgerAt(ledger) => {
                self.store.observe(&ledger.row)?;
                self.collector.add_ledger(ledger);
                Ok(())
            }
            Command::Shards(part, ack) => self.collector.add_shards(part, ack),
            Command::Part(part) => self.collector.add_part(part, &mut *self.store),
            Command::Symbols(entries, ack) => {
                self.watch.store.time(Kind::Symbols, || self.store.put_symbols(&entries))?;
                self.watch.store.wrote_symbols(entries.len());
                ack();
                Ok(())
            }
        }
    }

    fn write(&mut self, rows: &RowBatch, ack: Ack) -> Result<(), WorkerError> {
        // The mirror comes first, so that it always holds what the store holds.
        let mirrored = self.mirror.iter_mut().try_for_each(|mirror| mirror.write(&rows.rejected));
        mirrored.map_err(WorkerError::Mirror)?;
        let begun = Instant::now();
        self.watch.store.time(Kind::Rows, || self.store.write(rows))?;
        self.watch.store.wrote(rows);
        tracing::debug!(rows = rows.len(), took_ms = begun.elapsed().as_millis(), "rows written");
        ack();
        Ok(())
    }

    fn publish(&mut self, frontier: &DurableFrontier, kept: &[FrontierRow], ack: Ack) -> Result<(), WorkerError> {
        let begun = Instant::now();
        self.watch.store.time(Kind::Frontier, || self.store.commit_frontier(frontier, kept))?;
        self.watch.store.publish(&frontier.row);
        let took_ms = begun.elapsed().as_millis();
        tracing::debug!(frontier = frontier.row.frontier, took_ms, "frontier published");
        ack();
        self.collector.published(frontier.row.frontier, &mut *self.store)
    }
}

#[cfg(test)]
mod tests {
    use dataflows::log::conditions::{BUILT_IN, ConditionTable};
    use dataflows::output::ledger::LedgerState;
    use dataflows::settings::Settings;
    use dataflows::state::manifest::SegmentKey;

    use dataflows::progress::time::Time;
    use dataflows::symbols::entry::Entry;

    use super::*;
    use crate::store::{Checkpoint, PipelineSettings, StoreError};
    use crate::worker::WorkerConfig;
    use crate::worker::control::messages::Part;

    /// A store that records what is published.
    struct RecordingStore(Arc<Mutex<Vec<String>>>);

    impl RecordingStore {
        fn record(&self, what: String) -> Result<(), StoreError> {
            self.0.lock().unwrap().push(what);
            Ok(())
        }
    }

    impl Store for RecordingStore {
        fn open_epoch(&mut self) -> Result<(u64, Option<Checkpoint>), StoreError> {
            Ok((1, None))
        }

        fn join_epoch(&mut self, _: u64) -> Result<(), StoreError> {
            Ok(())
        }

        fn write(&mut self, _: &RowBatch) -> Result<(), StoreError> {
            Ok(())
        }

        fn commit_frontier(&mut self, frontier: &DurableFrontier, _: &[FrontierRow]) -> Result<(), StoreError> {
            self.record(format!("frontier {}", frontier.row.frontier))
        }

        fn put_segments(&mut self, _: u64, _: Time, _: &[(u32, &[u8])]) -> Result<(), StoreError> {
            Ok(())
        }

        fn commit_checkpoint(&mut self, _: u64, checkpoint: &Checkpoint, _: &[SegmentKey]) -> Result<(), StoreError> {
            self.record(format!("checkpoint {}", checkpoint.frontier))
        }

        fn segments(&mut self, _: &[SegmentKey]) -> Result<Vec<Vec<u8>>, StoreError> {
            Ok(Vec::new())
        }

        fn stored_segments(&mut self) -> Result<Vec<SegmentKey>, StoreError> {
            Ok(Vec::new())
        }

        fn drop_checkpoint(&mut self, _: u64, _: Time) -> Result<(), StoreError> {
            Ok(())
        }

        fn put_settings(&mut self, _: u64, _: PipelineSettings) -> Result<(), StoreError> {
            Ok(())
        }

        fn put_symbols(&mut self, _: &[Entry]) -> Result<(), StoreError> {
            Ok(())
        }
    }

    #[test]
    fn checkpoint_follows_its_frontier_row() {
        let published = Arc::new(Mutex::new(Vec::new()));
        let config = WorkerConfig::new(1, Settings::new(ConditionTable::from_toml(BUILT_IN).unwrap()));
        let store = Box::new(RecordingStore(Arc::clone(&published)));
        let collector = Collector::new(1, &config, String::new(), Box::new(|| None), None, Arc::default());
        let (store_thread, executor) = StoreThread::new(store, None, 1, collector, Arc::default());
        store_thread.start(executor);
        let commands = store_thread.sender().unwrap();
        let row = |frontier| FrontierRow { frontier, ..FrontierRow::empty() };
        let ledger = |frontier| LedgerState { row: row(frontier), has_open_minute: false };
        let part = |frontier| Command::Part(Part { frontier, written: Vec::new(), resume: Vec::new() });
        let publish = |frontier| Command::Frontier {
            row: row(frontier),
            kept: Vec::new(),
            resume: String::new(),
            ack: Box::new(|| ()),
        };
        // The row before the part, and the reverse; a part of a frontier that is not published yet.
        let sequence = [
            Command::LedgerAt(ledger(60)),
            part(60),
            part(120),
            publish(59),
            publish(60),
            Command::LedgerAt(ledger(120)),
            publish(130),
        ];
        sequence.into_iter().for_each(|command| commands.send(command).unwrap());
        drop(commands);
        store_thread.finish();
        assert!(store_thread.take_failure().is_none());
        let expected = ["frontier 59", "frontier 60", "checkpoint 60", "frontier 130", "checkpoint 120"];
        assert_eq!(*published.lock().unwrap(), expected);
    }
}
