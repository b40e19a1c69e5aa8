//! Processes by id: signals, memory and children; and waiting for a condition.

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

/// The child process of a supervisor, if it runs one now.
pub fn child(supervisor: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{supervisor}/task/{supervisor}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// Resident memory of a process in bytes: `VmRSS` now, `VmHWM` at its peak. `None` if the process has ended.
pub fn memory_bytes(pid: u32, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1_024)
}

/// Waits for a condition, up to the deadline.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, || condition().then_some(()));
}
