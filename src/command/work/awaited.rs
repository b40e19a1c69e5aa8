//! Waits for a directory log that does not exist yet: a worker may be started before the writer that creates it.

use std::time::{Duration, Instant};

use crate::log::address::LogAddress;
use crate::log::dir::DirLog;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// Interval of log lines.
const LOG_EVERY: Duration = Duration::from_secs(30);

/// Returns once the log exists; at once if it is a topic. A signal ends the process meanwhile.
pub fn wait_for(log: &LogAddress) {
    let LogAddress::Dir(path) = log else { return };
    let mut logged: Option<Instant> = None;
    while DirLog::is_yet_to_come(path) {
        if logged.is_none_or(|logged| logged.elapsed() >= LOG_EVERY) {
            tracing::warn!(
                %log,
                "waiting for the log, which does not exist yet: `tickline ingest`, `import` or `setup` creates it; \
                 check the path if it should be there"
            );
            logged = Some(Instant::now());
        }
        std::thread::sleep(PAUSE);
    }
}
