//! Metrics and health checks of a worker process. Liveness depends only on the loop heartbeat, never on the log or the
//! store.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{PartitionRead, Watch};
use crate::metrics::exposition::Exposition;
use crate::metrics::frontier::{put_row, put_time};
use crate::metrics::{HealthCheck, catalog};
use crate::time::now_ms;

/// A worker whose loop has not run for this long is reported as not live.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(60);

/// Maximum number of sources with metrics of their own: a series costs Prometheus memory for as long as it keeps data.
const SOURCES_MAX: usize = 64;

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
        self.export_sources(exposition, now_ms());
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

    fn export_sources(&self, exposition: &mut Exposition, now_ms: u64) {
        let mut sources: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for partition in self.0.life.lock().unwrap_or_else(PoisonError::into_inner).values() {
            for (name, life) in &partition.sources {
                let (age_ms, ahead_ms) = sources.entry(name.clone()).or_default();
                *age_ms = now_ms.saturating_sub(life.moved_ms).max(*age_ms);
                *ahead_ms = life.progress_ms.saturating_sub(life.last_record_ms).max(*ahead_ms);
            }
        }
        let (ages, leads) = (sources.iter().map(|(n, v)| (n, v.0)), sources.iter().map(|(n, v)| (n, v.1)));
        exposition.put_by(&catalog::SOURCE_PROGRESS_AGE, greatest(ages));
        exposition.put_by(&catalog::SOURCE_AHEAD, greatest(leads));
    }
}

/// The greatest of some times by source, in seconds; of equal ones the first.
fn greatest<'a>(times: impl Iterator<Item = (&'a String, u64)>) -> Vec<(String, f64)> {
    let mut times: Vec<_> = times.collect();
    times.sort_by_key(|(_, ms)| Reverse(*ms));
    times.truncate(SOURCES_MAX);
    times.into_iter().map(|(name, ms)| (name.clone(), ms as f64 / 1e3)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{PartitionLife, SourceLife};

    fn life(partition: u32, sources: &[(&str, [u64; 3])]) -> PartitionLife {
        let life =
            |[progress_ms, last_record_ms, moved_ms]: [u64; 3]| SourceLife { progress_ms, last_record_ms, moved_ms };
        let sources = sources.iter().map(|(name, times)| ((*name).to_owned(), life(*times))).collect();
        PartitionLife { partition, sources, ..PartitionLife::default() }
    }

    fn exported(health: &Health, now_ms: u64) -> String {
        let mut exposition = Exposition::default();
        health.export_sources(&mut exposition, now_ms);
        exposition.encode().unwrap()
    }

    #[test]
    fn the_worst_partition_of_a_source_counts() {
        let health = Health(Arc::new(Watch::default()));
        assert!(!exported(&health, 1).contains("tickline_source"));
        health.0.publish_life(&[
            life(0, &[("one", [50_000, 60_000, 60_000]), ("two", [95_500, 61_000, 58_000])]),
            life(1, &[("one", [52_000, 60_000, 40_000])]),
        ]);
        let text = exported(&health, 62_000);
        for wanted in [
            r#"tickline_source_progress_age_seconds{source="one"} 22.0"#,
            r#"tickline_source_progress_age_seconds{source="two"} 4.0"#,
            r#"tickline_source_ahead_seconds{source="one"} 0.0"#,
            r#"tickline_source_ahead_seconds{source="two"} 34.5"#,
        ] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
        health.0.publish_life(&[life(0, &[]), life(1, &[])]);
        assert!(!exported(&health, 62_000).contains("tickline_source"), "sources that have left are gone");
    }

    #[test]
    fn the_number_of_series_is_bounded() {
        let health = Health(Arc::new(Watch::default()));
        let names: Vec<String> = (0..1_000).map(|n| format!("s{n}")).collect();
        let sources: Vec<_> = names.iter().zip(0..).map(|(name, n)| (name.as_str(), [n, 0, n])).collect();
        health.0.publish_life(&[life(0, &sources)]);
        let text = exported(&health, 2_000);
        assert_eq!(text.matches("_age_seconds{").count(), SOURCES_MAX);
        assert_eq!(text.matches("_ahead_seconds{").count(), SOURCES_MAX);
        let (oldest, furthest) = (r#"age_seconds{source="s0"} 2.0"#, r#"ahead_seconds{source="s999"} 0.999"#);
        assert!(text.contains(oldest) && text.contains(furthest), "{text}");
    }

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
