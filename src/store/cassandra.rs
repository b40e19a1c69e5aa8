//! The store of a cluster: a keyspace in Cassandra, any number of writers of one epoch, any number of readers.
//!
//! Rows carry their own timestamps, so they need neither an order nor an owner. The epoch, the frontier and the
//! checkpoint are one row each, changed only by lightweight transactions. A call returns once a quorum has acknowledged
//! its effect. A writer waits without end for a store that does not answer.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::time::Time;
use dataflows::state::manifest::SegmentKey;
use dataflows::symbols::entry::Entry;

use super::{
    Checkpoint, DurableFrontier, Heartbeat, PipelineSettings, RowBatch, Store, StoreError, StoreIdentity, Verification,
};

pub mod address;
mod checkpoint;
mod concurrency;
pub mod config;
mod connect;
mod epoch;
mod error;
mod frontier;
mod gaps;
mod heartbeat;
mod identity;
mod meta;
mod open;
mod packing;
mod read_rows;
mod reader;
mod replicas;
mod retry;
mod scan;
mod schema;
mod session;
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
    /// Number of rows left out because they had expired.
    expired: u64,
    /// The published frontier as this epoch last saw it.
    published: Option<frontier::Published>,
    /// Epoch and frontier of the committed checkpoint as this epoch last saw it.
    committed: (u64, Time),
    /// The checkpoint for which the epoch has been checked.
    gathering: Option<(u64, Time)>,
}

impl CassandraStore {
    /// Connects to a keyspace that `tickline setup` has made.
    pub fn open(address: &CassandraAddress) -> Result<Self, StoreError> {
        let client = open::open(address, RetryPolicy::Endless)?;
        let (inserts, published, expiry) = client.run("cannot open it for writing", async {
            let merged_bytes = packing::merged_bytes(&client, &address.keyspace).await;
            let inserts = Inserts::prepare(&client, merged_bytes).await?;
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
            // After the fence is raised these are final.
            Ok((epoch, frontier::durable(client, Level::Serial).await?, checkpoint::last(client).await?))
        })?;
        self.published = published;
        self.committed = last.as_ref().map_or((0, 0), |(epoch, checkpoint)| (*epoch, checkpoint.frontier));
        Ok((epoch, last.map(|(_, checkpoint)| checkpoint)))
    }

    fn join_epoch(&mut self, epoch: u64) -> Result<(), StoreError> {
        self.client.run("cannot join the epoch", async {
            match epoch::newest(&self.client).await? {
                newest if newest == epoch => Ok(()),
                newest if newest > epoch => Err(Failure::Fenced { ours: epoch, theirs: newest }),
                newest => Err(Failure::Permanent(format!("epoch {epoch} was never opened: the newest is {newest}"))),
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
                tracing::warn!(
                    rows = expired,
                    "leaving out rows of windows older than the time to live of their table"
                );
            }
            self.expired += expired;
        }
        Ok(())
    }

    fn commit_frontier(&mut self, frontier: &DurableFrontier, kept: &[FrontierRow]) -> Result<(), StoreError> {
        let publish = frontier::publish(&self.client, frontier, kept, &mut self.published);
        self.client.run("cannot publish the frontier", publish)
    }

    fn beat(&mut self, beat: &Heartbeat) -> Result<(), StoreError> {
        self.client.run("cannot write the heartbeat", heartbeat::write(&self.client, beat))
    }

    fn heartbeat(&mut self) -> Result<Option<Heartbeat>, StoreError> {
        self.client.run("cannot read the heartbeat", heartbeat::read(&self.client))
    }

    fn put_segments(&mut self, epoch: u64, frontier: Time, segments: &[(u32, &[u8])]) -> Result<(), StoreError> {
        let client = &self.client;
        client.run("cannot store segments of a checkpoint", async {
            // Checked once per checkpoint: the first commit of an epoch removes what a fenced one has left.
            if self.gathering != Some((epoch, frontier)) {
                epoch::check(client, epoch).await?;
            }
            checkpoint::put_segments(client, epoch, frontier, segments).await
        })?;
        self.gathering = Some((epoch, frontier));
        Ok(())
    }

    fn commit_checkpoint(
        &mut self,
        epoch: u64,
        checkpoint: &Checkpoint,
        obsolete: &[SegmentKey],
    ) -> Result<(), StoreError> {
        let commit = checkpoint::commit(&self.client, epoch, checkpoint, &mut self.committed, obsolete);
        self.client.run("cannot commit a checkpoint", commit)
    }

    fn segments(&mut self, wanted: &[SegmentKey]) -> Result<Vec<Vec<u8>>, StoreError> {
        self.client.run("cannot read the checkpoint", checkpoint::segments(&self.client, wanted))
    }

    fn stored_segments(&mut self) -> Result<Vec<SegmentKey>, StoreError> {
        self.client.run("cannot read the checkpoint", checkpoint::stored(&self.client))
    }

    fn put_symbols(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        self.client.run("cannot write symbols", symbols::write(&self.client, entries))
    }

    fn drop_checkpoint(&mut self, epoch: u64, frontier: Time) -> Result<(), StoreError> {
        let remove = checkpoint::remove(&self.client, epoch, frontier, &mut self.committed);
        self.client.run("cannot drop a checkpoint", remove)
    }

    fn put_settings(&mut self, epoch: u64, settings: PipelineSettings) -> Result<(), StoreError> {
        // The timestamp is the epoch, so the newest epoch wins whatever the clocks say.
        self.client.run("cannot record the settings", async {
            epoch::check(&self.client, epoch).await?;
            meta::write(&self.client, &settings.rows(), epoch).await
        })
    }

    fn put_verification(&mut self, verification: &Verification) -> Result<(), StoreError> {
        let (rows, written_us) = (verification.rows(), verification.ran_ms.saturating_mul(1_000));
        let write = meta::write(&self.client, &rows, written_us);
        self.client.run("cannot record the result of a comparison", write)
    }

    fn identity(&mut self) -> Result<Option<StoreIdentity>, StoreError> {
        self.client.run("cannot read the identity", identity::read(&self.client))
    }

    fn put_identity(&mut self, epoch: u64, identity: &StoreIdentity) -> Result<(), StoreError> {
        self.client.run("cannot record the identity", identity::write(&self.client, epoch, identity))
    }
}

impl Drop for CassandraStore {
    fn drop(&mut self) {
        if self.expired > 0 {
            tracing::warn!(
                rows = self.expired,
                "left out in total: rows of windows older than the time to live of their table"
            );
        }
    }
}
