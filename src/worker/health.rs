//! What machines ask a process of workers. Whether it lives is the age of its last round, never the log or the store.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{PartitionRead, Watch};
use crate::metrics::exposition::Exposition;
use crate::metrics::frontier::{put_row, put_time};
use crate::metrics::{HealthCheck, catalog};
use crate::time::rfc3339;

/// A worker that has not gone round for so long does not live.
const ROUND_MAX: Duration = Duration::from_secs(60);

/// Answers from what can be watched.
#[derive(Debug)]
pub struct Health(pub Arc<Watch>);

impl HealthCheck for Health {
    fn collect(&self, exposition: &mut Exposition) {
        let watch = &self.0;
        let published = watch.store.published();
        let published_ms = published.as_ref().map_or(0, |row| row.frontier);
        put_time(exposition, &catalog::DURABLE_FRONTIER, watch.frontier.load(Ordering::SeqCst).max(published_ms));
        exposition.put(&catalog::EPOCH, watch.epoch.load(Ordering::SeqCst));
        // The first process alone writes it, and knows it.
        published.iter().for_each(|row| put_row(exposition, row));
        self.tell_partitions(exposition);
        let strangers = watch.strangers.get().map_or(0, |strangers| strangers.load(Ordering::SeqCst));
        for (name, count) in [
            (&catalog::RECORDS, watch.records.load(Ordering::SeqCst)),
            (&catalog::RECORD_BYTES, watch.record_bytes.load(Ordering::SeqCst)),
            (&catalog::PEERS, watch.peers.load(Ordering::SeqCst)),
            (&catalog::PEERS_EXPECTED, watch.peers_expected.load(Ordering::SeqCst)),
            (&catalog::STRANGERS, strangers),
        ] {
            exposition.put(name, count);
        }
        if let Some(age) = self.round_age() {
            exposition.put(&catalog::ROUND_AGE, age.as_secs_f64());
        }
        watch.store.tell(exposition);
        exposition.put(&catalog::CHECKPOINT_FRONTIER, watch.checkpoint.load(Ordering::SeqCst) as f64 / 1e3);
    }

    fn ready(&self) -> Result<String, String> {
        match self.0.epoch.load(Ordering::SeqCst) {
            0 => Err("waiting for the other processes".to_owned()),
            epoch => {
                let frontier = rfc3339(self.0.frontier.load(Ordering::SeqCst));
                Ok(format!("ready: epoch {epoch}, complete up to {frontier}"))
            }
        }
    }

    fn live(&self) -> Result<String, String> {
        match self.round_age() {
            Some(age) if age > ROUND_MAX => Err(format!("the worker last went round {} s ago", age.as_secs())),
            Some(age) => Ok(format!("ok: the worker last went round {} ms ago", age.as_millis())),
            None => Ok("ok: the worker has not started".to_owned()),
        }
    }
}

impl Health {
    /// Time since the first worker of this process last went round.
    fn round_age(&self) -> Option<Duration> {
        let stepped = *self.0.stepped.lock().unwrap_or_else(PoisonError::into_inner);
        stepped.map(|stepped| stepped.elapsed())
    }

    fn tell_partitions(&self, exposition: &mut Exposition) {
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
    fn it_is_ready_when_it_has_an_epoch_and_lives_while_it_goes_round() {
        let watch = Arc::new(Watch::default());
        let health = Health(Arc::clone(&watch));
        assert!(health.ready().is_err() && health.live().is_ok());
        watch.epoch.store(3, Ordering::SeqCst);
        assert!(health.ready().unwrap().contains("epoch 3"));
        *watch.stepped.lock().unwrap() = std::time::Instant::now().checked_sub(ROUND_MAX * 2);
        assert!(health.live().unwrap_err().contains("120 s ago"));
    }
}
