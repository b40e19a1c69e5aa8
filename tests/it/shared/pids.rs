//! Processes by id, and waiting for a condition.

use std::process::Command;

use crate::shared::process::wait_for;

/// SIGKILL to one process.
pub fn kill(pid: u32) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

/// A signal to one process, by its option of `kill`.
pub fn signal(pid: u32, option: &str) {
    assert!(Command::new("kill").args([option, &pid.to_string()]).status().unwrap().success());
}

/// SIGTERM to one process.
pub fn terminate(pid: u32) {
    assert!(Command::new("kill").arg(pid.to_string()).status().unwrap().success());
}

/// Whether a process has live threads: until all have ended it keeps its ports.
pub fn is_running(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    let zombie = stat.rsplit_once(')').is_some_and(|(_, state)| state.starts_with(" Z"));
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    !zombie || threads > 1
}

/// Waits for a condition, up to the deadline.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, || condition().then_some(()));
}
