//! The store of a cluster: a keyspace in Cassandra, any number of writers of one epoch, any number of readers.
//!
//! Rows carry their own timestamps, so they need no order and no owner. What has to have one (epoch, frontier,
//! checkpoint) is a row each, changed by lightweight transactions alone. A call returns when its effect is
//! acknowledged by a quorum; a store that does not answer is waited for, without end, and nothing is given up.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::time::Time;
use dataflows::symbols::entry::Entry;

use super::{Checkpoint, DurableFrontier, PipelineSettings, RowBatch, Store, StoreError};

pub mod address;
mod checkpoint;
mod concurrency;
pub mod config;
mod connect;
mod epoch;
mod error;
mod frontier;
mod open;
mod read_rows;
mod reader;
mod replicas;
mod retry;
mod schema;
mod session;
mod settings;
mod symbols;
mod values;
mod write_rows;

pub use reader::CassandraReader;
pub use schema::{SETUP, set_up};

use address::CassandraAddress;
use error::Failure;
use retry::RetryPolicy;
use session::{Client, Level};
use write_rows::{Expiry, Inserts};

/// The writing side of a keyspace.
#[derive(Debug)]
pub struct CassandraStore {
    client: Client,
    inserts: Inserts,
    expiry: Expiry,
    /// Rows that were left out because they had expired.
    expired: u64,
    /// What this epoch last saw published.
    published: Option<frontier::Published>,
    /// Epoch and frontier of the checkpoint that this epoch last saw committed.
    committed: (u64, Time),
    /// The checkpoint whose shards this epoch may put.
    gathering: Option<(u64, Time)>,
}

impl CassandraStore {
    /// Connects to a keyspace whose tables are there.
    pub fn open(address: &CassandraAddress) -> Result<Self, StoreError> {
        let client = open::open(address, RetryPolicy::Endless)?;
        let (inserts, published, expiry) = client.run("cannot open it for writing", async {
            let inserts =
                Inserts::prepare(&client, replicas::hold_everything(client.session(), &address.keyspace)).await?;
            let published = frontier::durable(&client, Level::Serial).await?;
            let seconds = schema::times_to_live(&client, &address.keyspace).await?;
            let frontier = published.as_ref().map_or(0, |(durable, _)| durable.row.frontier);
            Ok((inserts, published, Expiry::of(frontier, &seconds)))
        })?;
        Ok(Self { client, inserts, expiry, expired: 0, published, committed: (0, 0), gathering: None })
    }
}

impl Store for CassandraStore {
    fn open_epoch(&mut self) -> Result<(u64, Option<Checkpoint>), StoreError> {
        let client = &self.client;
        let (epoch, published, last) = client.run("cannot open an epoch", async {
            let epoch = epoch::open(client).await?;
            // Behind the fence these are final.
            Ok((epoch, frontier::durable(client, Level::Serial).await?, checkpoint::last(client).await?))
        })?;
        self.published = published;
        self.committed = last.as_ref().map_or((0, 0), |(epoch, checkpoint)| (*epoch, checkpoint.frontier));
        Ok((epoch, last.map(|(_, checkpoint)| checkpoint)))
    }

    fn join_epoch(&mut self, epoch: u64) -> Result<(), StoreError> {
        self.client.run("cannot take part", async {
            match epoch::newest(&self.client).await? {
                newest if newest == epoch => Ok(()),
                newest if newest > epoch => Err(Failure::Fenced { ours: epoch, theirs: newest }),
                newest => Err(Failure::Permanent(format!("nobody has opened epoch {epoch}: the last one is {newest}"))),
            }
        })
    }

    fn published(&mut self) -> Result<Option<FrontierRow>, StoreError> {
        Ok(self.published.as_ref().map(|(durable, _)| durable.row.clone()))
    }

    fn retries(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.client.retries)
    }

    fn write(&mut self, rows: &RowBatch) -> Result<(), StoreError> {
        let expired = self.client.run("cannot write rows", self.inserts.write(&self.client, rows, &self.expiry))?;
        if expired > 0 {
            if self.expired == 0 {
                tracing::warn!(rows = expired, "leaving out rows of windows that have outlived their table already");
            }
            self.expired += expired;
        }
        Ok(())
    }

    fn commit_frontier(&mut self, frontier: &DurableFrontier, kept: &[FrontierRow]) -> Result<(), StoreError> {
        let publish = frontier::publish(&self.client, frontier, kept, &mut self.published);
        self.client.run("cannot publish the frontier", publish)
    }

    fn put_shards(&mut self, epoch: u64, frontier: Time, shards: &[(u32, &[u8])]) -> Result<(), StoreError> {
        let client = &self.client;
        client.run("cannot store shards of a checkpoint", async {
            // Once a checkpoint: a fenced one may leave some behind, which the next commit removes.
            if self.gathering != Some((epoch, frontier)) {
                epoch::check(client, epoch).await?;
            }
            checkpoint::put_shards(client, epoch, frontier, shards).await
        })?;
        self.gathering = Some((epoch, frontier));
        Ok(())
    }

    fn commit_checkpoint(&mut self, epoch: u64, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let commit = checkpoint::commit(&self.client, epoch, checkpoint, &mut self.committed);
        self.client.run("cannot commit a checkpoint", commit)
    }

    fn shards(&mut self, frontier: Time, wanted: &[u32]) -> Result<Vec<(u32, Vec<u8>)>, StoreError> {
        self.client.run("cannot read the checkpoint", checkpoint::shards(&self.client, frontier, wanted))
    }

    fn put_symbols(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        self.client.run("cannot write symbols", symbols::write(&self.client, entries))
    }

    fn drop_checkpoint(&mut self, epoch: u64, frontier: Time) -> Result<(), StoreError> {
        let remove = checkpoint::remove(&self.client, epoch, frontier, &mut self.committed);
        self.client.run("cannot drop a checkpoint", remove)
    }

    fn put_settings(&mut self, epoch: u64, settings: PipelineSettings) -> Result<(), StoreError> {
        self.client.run("cannot record the settings", settings::write(&self.client, epoch, settings))
    }
}

impl Drop for CassandraStore {
    fn drop(&mut self) {
        if self.expired > 0 {
            tracing::warn!(rows = self.expired, "left out in all: rows of windows that had outlived their table");
        }
    }
}
