//! An orderly stop of the workers: they read no more, complete what they have read, and make a last checkpoint.
//!
//! The time for it is limited, because a store that does not answer must not keep the process alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;

use crate::process::messages::note;
use crate::process::{signals, supervisor};
use crate::worker::Watch;

/// Time for an orderly stop; Kubernetes and the contract allow 10 s.
const STOP_MAX: Duration = Duration::from_secs(9);
/// Exit code of a stop without its last checkpoint.
const NOT_STORED: i32 = 1;

/// Stops the workers on SIGINT or SIGTERM, or when the supervisor is gone. Returns whether this process was asked: in a
/// cluster the others stop with it. The second signal ends the process at once.
pub fn on_signal(watch: &Arc<Watch>) -> anyhow::Result<Arc<AtomicBool>> {
    let stopped = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start threads")?;
    let (watch, asked) = (Arc::clone(watch), Arc::clone(&stopped));
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                signal = signals::interrupted() => if let Err(error) = signal {
                    tracing::warn!(%error, "signals end this process at once");
                    return;
                },
                () = supervisor::gone() => {}
            }
            asked.store(true, Ordering::SeqCst);
            if watch.epoch.load(Ordering::SeqCst) == 0 {
                note(format_args!("tickline: stopping before anything was read"));
                std::process::exit(0);
            }
            note(format_args!("tickline: stopping after a last checkpoint; interrupt again to stop at once"));
            watch.stop.store(true, Ordering::SeqCst);
            let again = tokio::time::timeout(STOP_MAX, signals::interrupted()).await.is_ok();
            let why = if again { "as asked" } else { "the store did not answer in time" };
            note(format_args!(
                "tickline: stopped without a last checkpoint, {why}: the next start reads from the one before"
            ));
            std::process::exit(NOT_STORED);
        });
    });
    Ok(stopped)
}
