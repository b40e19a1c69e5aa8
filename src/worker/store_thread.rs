//! The thread beside the workers that talks to the store, so that a worker never waits for it.
//!
//! Commands come over a channel and are carried out in order; each is acknowledged when it is durable. After an
//! error nothing more is acknowledged: the durable frontier stands still, and the process ends with the error.
//!
//! The shards of a checkpoint may be many megabytes. They go to the store between the commands, a few at a time, so
//! that no row waits for them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, unbounded};
use dataflows::candles::operator::SnapshotPart;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::Time;
use dataflows::state::codec;
use dataflows::state::snapshot::{Shard, SnapshotHeader};
use dataflows::symbols::entry::Entry;

use super::control::messages::Part;
use super::metrics::Kind;
use super::{OnPanic, Watch, WorkerConfig, WorkerError};
use crate::rejected::mirror::Mirror;
use crate::store::{Checkpoint, DurableFrontier, RowBatch, Store};

/// Shards that go to the store between two commands.
const SHARDS_AT_ONCE: usize = 8;

/// Called when a command is durable.
pub(super) type Ack = Box<dyn FnOnce() + Send>;

pub(super) enum Command {
    /// Rows to write.
    Write(RowBatch, Ack),
    /// The durable frontier, and the rows kept before it.
    Frontier { row: FrontierRow, kept: Vec<FrontierRow>, resume: String, ack: Ack },
    /// The frontier row as of a time that was asked for.
    RowAt(FrontierRow),
    /// The shards of one worker's part of a checkpoint.
    Shards(SnapshotPart, Ack),
    /// One worker's part of a checkpoint, whose shards are at the store.
    Part(Part),
    /// Entries of the symbol directory.
    Symbols(Vec<Entry>, Ack),
}

/// The workers' handle to the thread.
pub(super) struct StoreThread {
    commands: Mutex<Option<Sender<Command>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    failure: Arc<Mutex<Option<WorkerError>>>,
    keeps_rows: bool,
}

impl StoreThread {
    pub(super) fn start(
        store: Box<dyn Store>,
        mirror: Option<Mirror>,
        epoch: u64,
        config: &WorkerConfig,
        log: String,
        watch: Arc<Watch>,
    ) -> Self {
        // A worker must not wait for the store. The channel is bounded by what its users have under way: a few batches
        // a worker, one frontier, and the parts of the few checkpoints within the bound on reading ahead.
        let (sender, receiver) = unbounded();
        watch.store.look_at(receiver.clone(), store.retries());
        let keeps_rows = store.keeps_rows();
        let failure = Arc::new(Mutex::new(None));
        let keep = Arc::clone(&failure);
        let fingerprint = config.settings.fingerprint();
        let (parts_wanted, pending) = (config.peers(), BTreeMap::new());
        let shards = VecDeque::new();
        let keeper =
            Keeper { store, mirror, epoch, fingerprint, log, parts_wanted, shards, pending, published: 0, watch };
        let thread = std::thread::spawn(move || {
            let fail = |error| *keep.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            let _on_panic = OnPanic(|| fail(WorkerError::Thread("the one beside the store panicked".to_owned())));
            if let Err(error) = keeper.run(&receiver) {
                fail(error);
            }
        });
        Self { commands: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)), failure, keeps_rows }
    }

    /// Whether rows are written at all.
    pub(super) fn keeps_rows(&self) -> bool {
        self.keeps_rows
    }

    /// A sender of its own for one worker.
    pub(super) fn sender(&self) -> Option<Sender<Command>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The error that ended the thread, once.
    pub(super) fn take_failure(&self) -> Option<WorkerError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Lets the thread carry out what it has been told, and ends it.
    pub(super) fn finish(&self) {
        drop(self.commands.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A panic there has been reported by the panic hook already.
            let _ = thread.join();
        }
    }
}

/// What the thread owns.
struct Keeper {
    store: Box<dyn Store>,
    mirror: Option<Mirror>,
    epoch: u64,
    fingerprint: u64,
    log: String,
    parts_wanted: usize,
    /// Shards on their way to the store; the last one of a part tells that the part is there.
    shards: VecDeque<(Shard, Option<Ack>)>,
    pending: BTreeMap<Time, Pending>,
    /// The last frontier that the store has published for this run.
    published: Time,
    watch: Arc<Watch>,
}

/// A checkpoint whose parts are still coming in.
#[derive(Default)]
struct Pending {
    row: Option<FrontierRow>,
    parts: usize,
    shards: u32,
    resume: Vec<ResumePoint>,
}

impl Keeper {
    fn run(mut self, commands: &Receiver<Command>) -> Result<(), WorkerError> {
        while let Some(command) = self.next(commands)? {
            self.carry_out(command)?;
            // Also when commands never cease.
            self.put_some_shards()?;
        }
        Ok(())
    }

    /// The next command; while there is none, shards go to the store. `None` at the end, when all of them are there.
    fn next(&mut self, commands: &Receiver<Command>) -> Result<Option<Command>, WorkerError> {
        while !self.shards.is_empty() {
            match commands.try_recv() {
                Ok(command) => return Ok(Some(command)),
                Err(_) => self.put_some_shards()?,
            }
        }
        Ok(commands.recv().ok())
    }

    fn carry_out(&mut self, command: Command) -> Result<(), WorkerError> {
        match command {
            Command::Write(rows, ack) => {
                // First the mirror: what the store holds is then always there as well.
                let mirrored = self.mirror.iter_mut().try_for_each(|mirror| mirror.write(&rows.rejected));
                mirrored.map_err(WorkerError::Mirror)?;
                let begun = Instant::now();
                self.watch.store.time(Kind::Rows, || self.store.write(&rows))?;
                self.watch.store.wrote(&rows);
                tracing::debug!(rows = rows.len(), took_ms = begun.elapsed().as_millis(), "rows are written");
                ack();
            }
            Command::Frontier { row, kept, resume, ack } => {
                let frontier = DurableFrontier { row, epoch: self.epoch, resume };
                let begun = Instant::now();
                self.watch.store.time(Kind::Frontier, || self.store.commit_frontier(&frontier, &kept))?;
                self.watch.store.publish(&frontier.row);
                let took_ms = begun.elapsed().as_millis();
                tracing::debug!(frontier = frontier.row.frontier, took_ms, "the frontier is published");
                self.published = frontier.row.frontier;
                ack();
                let whole: Vec<Time> = self.pending.range(..=self.published).map(|(at, _)| *at).collect();
                whole.into_iter().try_for_each(|at| self.commit_if_whole(at))?;
            }
            Command::RowAt(row) => {
                self.store.observe(&row)?;
                let frontier = row.frontier;
                self.pending.entry(frontier).or_default().row = Some(row);
            }
            Command::Shards(part, ack) => self.take_shards(part, ack)?,
            Command::Part(part) => self.take_part(part)?,
            Command::Symbols(entries, ack) => {
                self.watch.store.time(Kind::Symbols, || self.store.put_symbols(&entries))?;
                self.watch.store.wrote_symbols(entries.len());
                ack();
            }
        }
        Ok(())
    }

    fn take_shards(&mut self, part: SnapshotPart, ack: Ack) -> Result<(), WorkerError> {
        let frontier = part.frontier;
        let shards = part.shards.map_err(|why| WorkerError::Checkpoint { frontier, why })?;
        if shards.is_empty() {
            ack();
            return Ok(());
        }
        self.shards.extend(shards.into_iter().map(|shard| (shard, None)));
        if let Some((_, last)) = self.shards.back_mut() {
            *last = Some(ack);
        }
        Ok(())
    }

    fn put_some_shards(&mut self) -> Result<(), WorkerError> {
        let Some(frontier) = self.shards.front().map(|(shard, _)| shard.frontier) else { return Ok(()) };
        let alike = self.shards.iter().take(SHARDS_AT_ONCE).take_while(|(shard, _)| shard.frontier == frontier).count();
        let (mut packed, mut acks) = (Vec::new(), Vec::new());
        for (shard, ack) in self.shards.drain(..alike) {
            packed.push((shard.shard, codec::pack(&shard.bytes)));
            acks.extend(ack);
        }
        let packed: Vec<(u32, &[u8])> = packed.iter().map(|(shard, bytes)| (*shard, bytes.as_slice())).collect();
        self.watch.store.putting(frontier, &packed);
        self.watch.store.time(Kind::Shards, || self.store.put_shards(self.epoch, frontier, &packed))?;
        acks.into_iter().for_each(|ack| ack());
        Ok(())
    }

    fn take_part(&mut self, part: Part) -> Result<(), WorkerError> {
        let pending = self.pending.entry(part.frontier).or_default();
        pending.parts += 1;
        pending.shards += part.shards;
        pending.resume.extend(part.resume);
        self.commit_if_whole(part.frontier)
    }

    /// A checkpoint is whole when every worker's part and the row as of its frontier are there. It comes after the
    /// frontier rows up to its own: a run that resumes from it makes none of them again.
    fn commit_if_whole(&mut self, frontier: Time) -> Result<(), WorkerError> {
        let published = frontier <= self.published;
        let is_whole = |p: &Pending| published && p.parts == self.parts_wanted && p.row.is_some();
        let Some(mut pending) =
            self.pending.get(&frontier).is_some_and(is_whole).then(|| self.pending.remove(&frontier)).flatten()
        else {
            return Ok(());
        };
        let Some(row) = pending.row.take() else { return Ok(()) };
        pending.resume.sort_unstable_by_key(|point| point.partition);
        let Pending { resume, shards, .. } = pending;
        let (fingerprint, log) = (self.fingerprint, self.log.clone());
        let header = SnapshotHeader { row, resume, fingerprint, log, shards };
        let header = codec::encode(&header).map_err(|e| WorkerError::Checkpoint { frontier, why: e.to_string() })?;
        let checkpoint = Checkpoint { frontier, header };
        self.watch.store.time(Kind::Checkpoint, || self.store.commit_checkpoint(self.epoch, &checkpoint))?;
        self.watch.store.committed(frontier);
        self.watch.checkpoint.store(frontier, Ordering::SeqCst);
        tracing::debug!(frontier, "checkpoint committed");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use dataflows::log::conditions::{BUILT_IN, ConditionTable};
    use dataflows::settings::Settings;

    use super::*;
    use crate::store::{PipelineSettings, StoreError};

    /// Notes what it is asked to publish.
    struct Noting(Arc<Mutex<Vec<String>>>);

    impl Noting {
        fn note(&self, what: String) -> Result<(), StoreError> {
            self.0.lock().unwrap().push(what);
            Ok(())
        }
    }

    impl Store for Noting {
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
            self.note(format!("frontier {}", frontier.row.frontier))
        }

        fn put_shards(&mut self, _: u64, _: Time, _: &[(u32, &[u8])]) -> Result<(), StoreError> {
            Ok(())
        }

        fn commit_checkpoint(&mut self, _: u64, checkpoint: &Checkpoint) -> Result<(), StoreError> {
            self.note(format!("checkpoint {}", checkpoint.frontier))
        }

        fn shards(&mut self, _: Time, _: &[u32]) -> Result<Vec<(u32, Vec<u8>)>, StoreError> {
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
    fn a_checkpoint_comes_after_the_frontier_rows_up_to_its_own() {
        let noted = Arc::new(Mutex::new(Vec::new()));
        let config = WorkerConfig::new(1, Settings::new(ConditionTable::from_toml(BUILT_IN).unwrap()));
        let store = Box::new(Noting(Arc::clone(&noted)));
        let store_thread = StoreThread::start(store, None, 1, &config, String::new(), Arc::default());
        let commands = store_thread.sender().unwrap();
        let row = |frontier| FrontierRow { frontier, ..FrontierRow::empty() };
        let part = |frontier| Command::Part(Part { frontier, shards: 0, resume: Vec::new() });
        let publish = |frontier| Command::Frontier {
            row: row(frontier),
            kept: Vec::new(),
            resume: String::new(),
            ack: Box::new(|| ()),
        };
        // The row before the part, and the other way round; one of a frontier that is still to come.
        let told = [
            Command::RowAt(row(60)),
            part(60),
            part(120),
            publish(59),
            publish(60),
            Command::RowAt(row(120)),
            publish(130),
        ];
        told.into_iter().for_each(|command| commands.send(command).unwrap());
        drop(commands);
        store_thread.finish();
        assert!(store_thread.take_failure().is_none());
        let wanted = ["frontier 59", "frontier 60", "checkpoint 60", "frontier 130", "checkpoint 120"];
        assert_eq!(*noted.lock().unwrap(), wanted);
    }
}
