//! The embedded store: one SQLite file, one writer, any number of readers.
//!
//! Write-ahead logging with full synchronisation: a call that has returned is durable, and readers never wait for the
//! writer. One process holds `PATH.lock` from [`Store::open_epoch`] on; the epoch fences it even if that file is
//! removed. The table `symbols` is subject to neither: `tickline symbols sync` writes it next to a live worker, over
//! its own connection. SQLite runs one writing transaction at a time; the other waits.

use std::fs::File;
use std::path::{Path, PathBuf};

use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::time::Time;
use dataflows::state::manifest::SegmentKey;
use dataflows::symbols::entry::Entry;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{
    Checkpoint, DurableFrontier, Heartbeat, PipelineSettings, RowBatch, Store, StoreError, StoreIdentity, Verification,
};
use crate::process::lock_file::{self, LockFailure};
use crate::process::os_error;

mod checkpoint;
mod error;
mod expected;
mod frontier;
mod heartbeat;
mod identity;
mod meta;
mod reader;
mod scan;
mod schema;
mod symbols;
mod write_rows;

pub use expected::ExpectedRows;
pub use reader::SqliteReader;

use error::{Failure, failed};

/// Number of symbol table entries per transaction.
const SYMBOLS_AT_ONCE: usize = 2_000;

/// The writing side of a SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    connection: Connection,
    /// Held from the first epoch on.
    lock: Option<File>,
    /// Our epoch; 0 before the first.
    epoch: u64,
}

impl SqliteStore {
    /// Opens the file; creates it and its directory if they do not exist.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if let Some(directory) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
            std::fs::create_dir_all(directory)
                .map_err(|e| failed(path, "cannot create its directory", os_error::why(&e)))?;
        }
        let connection = schema::open_writer(path).map_err(|e| e.at(path, "cannot open it for writing"))?;
        Ok(Self { path: path.to_path_buf(), connection, lock: None, epoch: 0 })
    }

    /// Runs one transaction; any failure undoes it as a whole.
    fn transact<T>(
        &mut self,
        what: &'static str,
        body: impl FnOnce(&Transaction) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let run = || {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = body(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        run().map_err(|e: Failure| e.at(&self.path, what))
    }

    fn take_lock(&mut self) -> Result<(), StoreError> {
        if self.lock.is_none() {
            let mut name = self.path.clone().into_os_string();
            name.push(".lock");
            let lock = lock_file::lock(Path::new(&name)).map_err(|e| match e {
                LockFailure::Held(holder) => StoreError::Locked { path: self.path.display().to_string(), holder },
                LockFailure::System(e) => failed(&self.path, "cannot lock it", os_error::why(&e)),
            })?;
            self.lock = Some(lock);
        }
        Ok(())
    }
}

impl Store for SqliteStore {
    fn open_epoch(&mut self) -> Result<(u64, Option<Checkpoint>), StoreError> {
        self.take_lock()?;
        let opened =
            self.transact("cannot open an epoch", |t| Ok((checkpoint::next_epoch(t)?, checkpoint::last(t)?)))?;
        self.epoch = opened.0;
        let (epoch, last) = opened;
        Ok((epoch, last.map(|(_, checkpoint)| checkpoint)))
    }

    fn join_epoch(&mut self, _epoch: u64) -> Result<(), StoreError> {
        let why = "only one process may write a SQLite file: for a cluster use --store cassandra://HOST:PORT/KEYSPACE";
        Err(failed(&self.path, "cannot join the epoch", why.to_owned()))
    }

    fn published(&mut self) -> Result<Option<FrontierRow>, StoreError> {
        self.transact("cannot read the frontier", |t| Ok(frontier::durable(t)?.map(|durable| durable.row)))
    }

    fn write(&mut self, rows: &RowBatch) -> Result<(), StoreError> {
        self.transact("cannot write rows", |t| write_rows::write(t, rows))
    }

    fn commit_frontier(&mut self, frontier: &DurableFrontier, kept: &[FrontierRow]) -> Result<(), StoreError> {
        self.transact("cannot publish the frontier", |t| {
            checkpoint::check_epoch(t, frontier.epoch)?;
            frontier::publish(t, frontier)?;
            kept.iter().try_for_each(|row| frontier::keep(t, row))
        })
    }

    fn beat(&mut self, beat: &Heartbeat) -> Result<(), StoreError> {
        self.transact("cannot write the heartbeat", |t| {
            checkpoint::check_epoch(t, beat.epoch)?;
            heartbeat::write(t, beat)
        })
    }

    fn heartbeat(&mut self) -> Result<Option<Heartbeat>, StoreError> {
        self.transact("cannot read the heartbeat", |t| heartbeat::read(t))
    }

    fn put_segments(&mut self, epoch: u64, frontier: Time, segments: &[(u32, &[u8])]) -> Result<(), StoreError> {
        // The commit of the checkpoint makes the segments durable; until then they need no synchronisation.
        let relax =
            |connection: &Connection, mode| connection.pragma_update(None, "synchronous", mode).map_err(Failure::from);
        const WHAT: &str = "cannot store segments of a checkpoint";
        relax(&self.connection, "NORMAL").map_err(|e| e.at(&self.path, WHAT))?;
        let put = self.transact(WHAT, |t| checkpoint::put_segments(t, epoch, frontier, segments));
        relax(&self.connection, "FULL").map_err(|e| e.at(&self.path, WHAT))?;
        put
    }

    fn commit_checkpoint(
        &mut self,
        epoch: u64,
        checkpoint: &Checkpoint,
        obsolete: &[SegmentKey],
    ) -> Result<(), StoreError> {
        self.transact("cannot commit a checkpoint", |t| checkpoint::commit(t, epoch, checkpoint, obsolete))
    }

    fn segments(&mut self, wanted: &[SegmentKey]) -> Result<Vec<Vec<u8>>, StoreError> {
        self.transact("cannot read the checkpoint", |t| checkpoint::segments(t, wanted))
    }

    fn stored_segments(&mut self) -> Result<Vec<SegmentKey>, StoreError> {
        let stored = self.transact("cannot read the checkpoint", |t| checkpoint::stored(t))?;
        Ok(stored.into_iter().map(|(key, _)| key).collect())
    }

    fn put_symbols(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        // Short transactions, so that a worker on the same file does not wait long.
        entries
            .chunks(SYMBOLS_AT_ONCE)
            .try_for_each(|entries| self.transact("cannot write symbols", |t| symbols::write(t, entries)))
    }

    fn drop_checkpoint(&mut self, epoch: u64, frontier: Time) -> Result<(), StoreError> {
        self.transact("cannot drop a checkpoint", |t| checkpoint::remove(t, epoch, frontier))
    }

    fn put_settings(&mut self, epoch: u64, settings: PipelineSettings) -> Result<(), StoreError> {
        self.transact("cannot record the settings", |t| {
            checkpoint::check_epoch(t, epoch)?;
            meta::write(t, &settings.rows())
        })
    }

    fn put_verification(&mut self, verification: &Verification) -> Result<(), StoreError> {
        self.transact("cannot record the result of a comparison", |t| meta::write(t, &verification.rows()))
    }

    fn identity(&mut self) -> Result<Option<StoreIdentity>, StoreError> {
        self.transact("cannot read the identity", |t| identity::read(t))
    }

    fn put_identity(&mut self, epoch: u64, identity: &StoreIdentity) -> Result<(), StoreError> {
        self.transact("cannot record the identity", |t| {
            checkpoint::check_epoch(t, epoch)?;
            identity::write(t, identity)
        })
    }
}
