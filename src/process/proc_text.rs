//! What the kernel says of a process in `/proc/PID/stat` and `/proc/PID/status` (`proc(5)`).

/// Kernel clock ticks per second (`USER_HZ`), the same on every architecture that Linux runs on today.
pub const TICKS_PER_SECOND: f64 = 100.0;

/// A field of `stat`, by its number in `proc(5)`, from 4 on.
pub fn stat_field(stat: &str, number: usize) -> Option<f64> {
    // The process name before them may contain spaces and parentheses. What follows it is field 3.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

/// An amount of memory in `status`, in KiB: `VmRSS` now, `VmHWM` at its peak.
pub fn memory_kib(status: &str, name: &str) -> Option<u64> {
    let text = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    text.split_whitespace().next()?.parse().ok()
}
