//! Reader of one partition that walks a broker's answers in place.

use std::sync::Arc;
use std::thread::Thread;

use dataflows::log::batch::RecordBatch;

use super::cluster::Cluster;
use super::fetcher::damaged;
use super::fetching::{Fetched, Fetching, Taken};
use super::walk::Walk;
use crate::log::kafka::ended::Ended;
use crate::log::kafka::topic::Topic;
use crate::log::kafka::topic_watch::TopicWatch;
use crate::log::{LogError, PartitionReader};

/// Bytes that the records of one batch may take uncompressed: what a producer packs into a batch of 1 MiB is far less.
const BATCH_BYTES_MAX: usize = 128 << 20;

/// Reader of one partition.
pub struct BulkReader {
    topic: Arc<Topic>,
    watch: Arc<TopicWatch>,
    partition: u32,
    fetching: Fetching,
    walk: Walk,
    /// The answer that is being read, and how far.
    current: Option<(Fetched, usize)>,
    /// The permanent error, if any.
    ended: Option<Ended>,
}

impl BulkReader {
    /// Opens a reader at `offset`, which is between the first offset and the end offset.
    pub(in crate::log::kafka) fn open(
        topic: Arc<Topic>,
        watch: Arc<TopicWatch>,
        cluster: Arc<Cluster>,
        partition: u32,
        offset: u64,
    ) -> Result<Self, LogError> {
        let fetching = Fetching::start(Arc::clone(&topic), cluster, partition, offset);
        let fetching = fetching.map_err(|error| topic.failed("cannot start a thread", error.to_string()))?;
        let walk = Walk::new(offset, BATCH_BYTES_MAX);
        Ok(Self { topic, watch, partition, fetching, walk, current: None, ended: None })
    }

    /// Adds the records of the next batch. Returns how many bytes were read for them; `None` if there is nothing now.
    fn next_batch(&mut self, batch: &mut RecordBatch) -> Result<Option<usize>, Ended> {
        let Some((fetched, read)) = &mut self.current else {
            return match self.fetching.take() {
                Taken::Answer(mut fetched) => {
                    self.walk.begin(std::mem::take(&mut fetched.aborted));
                    self.current = Some((fetched, 0));
                    Ok(Some(0))
                }
                Taken::Nothing => Ok(None),
                Taken::Ended(ended) => Err(ended),
            };
        };
        let rest = &fetched.bytes[fetched.range.start + *read..fetched.range.end];
        match self.walk.next(rest, batch).map_err(|damage| damaged(&damage))? {
            Some(len) => {
                *read += len;
                Ok(Some(len))
            }
            None => {
                let fetched = self.current.take();
                fetched.into_iter().for_each(|(fetched, _)| self.fetching.give_back(fetched.bytes));
                Ok(Some(0))
            }
        }
    }
}

impl PartitionReader for BulkReader {
    fn read(&mut self, batch: &mut RecordBatch, bytes_max: usize) -> Result<(), LogError> {
        batch.clear();
        self.watch.check()?;
        let mut read = 0;
        // Compressed batches are read by what they give, and those that give nothing by what they take.
        while self.ended.is_none() && batch.bytes.len().max(read) < bytes_max {
            match self.next_batch(batch) {
                Ok(Some(len)) => read += len,
                Ok(None) => break,
                Err(ended) => self.ended = Some(ended),
            }
        }
        match &self.ended {
            // Records before the error are delivered first.
            Some(ended) if batch.records.is_empty() => {
                Err(ended.error(&self.topic, self.partition, self.walk.position()))
            }
            _ => Ok(()),
        }
    }

    fn position(&self) -> u64 {
        self.walk.position()
    }

    fn unread(&self) -> Option<u64> {
        Some(self.fetching.end()?.saturating_sub(self.walk.position()))
    }

    fn wake(&mut self, thread: Thread) {
        self.fetching.wake(thread);
    }
}
