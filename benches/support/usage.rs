//! What a child process used: time, processor time and memory.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Clock ticks per second in `/proc`.
const TICKS: f64 = 100.0;

/// What a process used.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Seconds from its start to its end.
    pub seconds: f64,
    /// Seconds of processor time.
    pub cpu: f64,
    /// Most memory at a time, in MiB.
    pub mib: f64,
}

/// Runs a command, which must succeed.
pub fn run(command: &mut Command) -> Usage {
    let start = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("cannot start the program");
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", child.id())).unwrap_or_default();
    let mut usage = Usage { seconds: 0.0, cpu: 0.0, mib: 0.0 };
    // It can be looked at until it is waited for, although its memory is gone by then.
    loop {
        let (status, stat) = (read("status"), read("stat"));
        let peak =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        usage.mib = peak.map_or(usage.mib, |kib: f64| kib / 1024.0);
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        if fields.first() == Some(&"Z") {
            let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
            (usage.seconds, usage.cpu) = (start.elapsed().as_secs_f64(), (ticks(11) + ticks(12)) / TICKS);
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let status = child.wait().expect("it has ended");
    assert!(status.success(), "{command:?} ended with {status}");
    usage
}
