//! What machines ask a process of workers. Whether it lives is the age of its last round, never the log or the store.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Watch;
use crate::metrics::Probe;
use crate::timestamp::rfc3339;

/// A worker that has not gone round for so long does not live.
const ROUND_MAX: Duration = Duration::from_secs(60);

/// Answers from what can be watched.
#[derive(Debug)]
pub struct Health(pub Arc<Watch>);

impl Probe for Health {
    fn registry(&self) -> Registry {
        let watch = &self.0;
        let mut registry = Registry::with_prefix("tickline");
        let frontier: Gauge<f64, AtomicU64> = Gauge::default();
        frontier.set(watch.frontier.load(Ordering::SeqCst) as f64 / 1e3);
        let help = "Durable frontier: everything before this Unix time is complete";
        registry.register("frontier_seconds", help, frontier);
        let gauges =
            [("epoch", "Incarnation of the pipeline", &watch.epoch), ("peers", "Other processes", &watch.peers)];
        for (name, help, value) in gauges {
            let gauge: Gauge = Gauge::default();
            gauge.set(i64::try_from(value.load(Ordering::SeqCst)).unwrap_or(i64::MAX));
            registry.register(name, help, gauge);
        }
        let strangers = watch.strangers.get().map_or(0, |strangers| strangers.load(Ordering::SeqCst));
        let counters = [
            ("records", "Records read", watch.records.load(Ordering::SeqCst)),
            ("strangers", "Connections dropped that were of no peer", strangers),
        ];
        for (name, help, value) in counters {
            let counter: Counter = Counter::default();
            counter.inc_by(value);
            registry.register(name, help, counter);
        }
        registry
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

    fn lives(&self) -> Result<String, String> {
        let stepped = *self.0.stepped.lock().unwrap_or_else(PoisonError::into_inner);
        match stepped.map(|stepped| stepped.elapsed()) {
            Some(age) if age > ROUND_MAX => Err(format!("the worker last went round {} s ago", age.as_secs())),
            Some(age) => Ok(format!("ok: the worker last went round {} ms ago", age.as_millis())),
            None => Ok("ok: the worker has not started".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_when_it_has_an_epoch_and_lives_while_it_goes_round() {
        let watch = Arc::new(Watch::default());
        let health = Health(Arc::clone(&watch));
        assert!(health.ready().is_err() && health.lives().is_ok());
        watch.epoch.store(3, Ordering::SeqCst);
        assert!(health.ready().unwrap().contains("epoch 3"));
        *watch.stepped.lock().unwrap() = std::time::Instant::now().checked_sub(ROUND_MAX * 2);
        assert!(health.lives().unwrap_err().contains("120 s ago"));
    }
}
