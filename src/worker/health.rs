//! Metrics and health checks of a worker process. Liveness depends only on the loop heartbeat, never on the log or the
//! store.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{PartitionRead, Watch};
use crate::metrics::exposition::Exposition;
use crate::metrics::frontier::{put_row, put_time};
use crate::metrics::{HealthCheck, catalog};

/// A worker whose loop has not run for this long is reported as not live.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(60);

/// Health check of a worker process, from its live status.
#[derive(Debug)]
pub struct Health(pub Arc<Watch>);

impl HealthCheck for Health {
    fn collect(&self, exposition: &mut Exposition) {
        let watch = &self.0;
        let published = watch.store.published();
        let published_ms = published.as_ref().map_or(0, |row| row.frontier);
        put_time(exposition, &catalog::DURABLE_FRONTIER, watch.frontier.load(Ordering::SeqCst).max(published_ms));
        exposition.put(&catalog::EPOCH, watch.epoch.load(Ordering::SeqCst));
        // Only the first process publishes it.
        published.iter().for_each(|row| put_row(exposition, row));
        self.export_partitions(exposition);
        let rejected = watch.rejected_connections.get().map_or(0, |count| count.load(Ordering::SeqCst));
        for (name, count) in [
            (&catalog::RECORDS, watch.records.load(Ordering::SeqCst)),
            (&catalog::RECORD_BYTES, watch.record_bytes.load(Ordering::SeqCst)),
            (&catalog::PEERS, watch.peers.load(Ordering::SeqCst)),
            (&catalog::PEERS_EXPECTED, watch.peers_expected.load(Ordering::SeqCst)),
            (&catalog::REJECTED_CONNECTIONS, rejected),
        ] {
            exposition.put(name, count);
        }
        if let Some(age) = self.heartbeat_age() {
            exposition.put(&catalog::ROUND_AGE, age.as_secs_f64());
        }
        watch.store.export(exposition);
        exposition.put(&catalog::CHECKPOINT_FRONTIER, watch.checkpoint.load(Ordering::SeqCst) as f64 / 1e3);
    }

    fn ready(&self) -> Result<String, String> {
        match self.0.epoch.load(Ordering::SeqCst) {
            0 => Err("waiting for the other processes".to_owned()),
            epoch => Ok(format!("ready: epoch {epoch}, {}", self.0.complete_up_to())),
        }
    }

    fn live(&self) -> Result<String, String> {
        match self.heartbeat_age() {
            Some(age) if age > HEARTBEAT_TIMEOUT => Err(format!("the worker loop last ran {} s ago", age.as_secs())),
            Some(age) => Ok(format!("ok: the worker loop last ran {} ms ago", age.as_millis())),
            None => Ok("ok: the worker has not started yet".to_owned()),
        }
    }
}

impl Health {
    /// Time since the last loop iteration of this process's first worker.
    fn heartbeat_age(&self) -> Option<Duration> {
        let stepped = *self.0.stepped.lock().unwrap_or_else(PoisonError::into_inner);
        stepped.map(|stepped| stepped.elapsed())
    }

    fn export_partitions(&self, exposition: &mut Exposition) {
        let partitions = self.0.partitions.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(least) = partitions.values().map(|read| read.frontier).min() {
            put_time(exposition, &catalog::READ_FRONTIER, least);
        }
        let by =
            |of: fn(&PartitionRead) -> u64| partitions.iter().map(move |(number, read)| (number.to_string(), of(read)));
        let frontier = by(|read| read.frontier).filter(|(_, ms)| *ms > 0).map(|(number, ms)| (number, ms as f64 / 1e3));
        exposition.put_by(&catalog::PARTITION_FRONTIER, frontier);
        exposition.put_by(&catalog::PARTITION_OFFSET, by(|read| read.offset));
        let unread = partitions.iter().filter_map(|(number, read)| Some((number.to_string(), read.unread?)));
        exposition.put_by(&catalog::PARTITION_UNREAD, unread);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_with_epoch_live_with_heartbeat() {
        let watch = Arc::new(Watch::default());
        let health = Health(Arc::clone(&watch));
        assert!(health.ready().is_err() && health.live().is_ok());
        watch.epoch.store(3, Ordering::SeqCst);
        assert_eq!(health.ready().unwrap(), "ready: epoch 3, nothing complete yet");
        *watch.stepped.lock().unwrap() = std::time::Instant::now().checked_sub(HEARTBEAT_TIMEOUT * 2);
        assert!(health.live().unwrap_err().contains("120 s ago"));
    }
}
