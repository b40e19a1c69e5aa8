//! Runs this program as a process of its own, and reads what it took from `/proc`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::process::proc_text::{TICKS_PER_SECOND, memory_kib, stat_field};

/// Between two looks at a process's memory.
const LOOK: Duration = Duration::from_millis(10);

/// What a process took.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// From its start to its end.
    pub seconds: f64,
    /// Processor time in the program, in seconds.
    pub user_seconds: f64,
    /// Processor time in the kernel, in seconds.
    pub system_seconds: f64,
    /// Greatest memory, in bytes.
    pub peak_bytes: u64,
    /// The last line that it printed.
    pub last_line: String,
}

/// Runs a command to its end. One that fails is an error with what it said, which goes through a file in `folder`.
pub fn measure(mut command: Command, folder: &Path) -> anyhow::Result<Taken> {
    let errors = folder.join("stderr");
    let file = fs::File::create(&errors).with_context(|| format!("cannot create {}", errors.display()))?;
    let before = of_children()?;
    let start = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
    let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
    let lines = child.stdout.take().map(|out| thread::spawn(move || last_line(BufReader::new(out))));
    let (status, peak_bytes) = watch(&mut child)?;
    let seconds = start.elapsed().as_secs_f64();
    let last_line = lines.and_then(|lines| lines.join().ok()).unwrap_or_default();
    if !status.success() {
        let said = fs::read_to_string(&errors).unwrap_or_default();
        bail!("{command:?} ended with {status}: {}", said.trim());
    }
    let after = of_children()?;
    let (user_seconds, system_seconds) = (after.0 - before.0, after.1 - before.1);
    Ok(Taken { seconds, user_seconds, system_seconds, peak_bytes, last_line })
}

fn last_line(lines: impl BufRead) -> String {
    lines.lines().map_while(Result::ok).last().unwrap_or_default()
}

/// Waits for the end, and remembers the greatest memory.
fn watch(child: &mut Child) -> anyhow::Result<(std::process::ExitStatus, u64)> {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        peak = peak_of(&text).unwrap_or(0).max(peak);
        if let Some(ended) = child.try_wait().context("cannot wait for a process")? {
            return Ok((ended, peak));
        }
        thread::sleep(LOOK);
    }
}

/// The peak in a process's status, in bytes.
fn peak_of(status: &str) -> Option<u64> {
    memory_kib(status, "VmHWM").map(|kib| kib * 1_024)
}

/// Seconds of processor time of the processes that this one has waited for: in the program, and in the kernel.
fn of_children() -> anyhow::Result<(f64, f64)> {
    let text = fs::read_to_string("/proc/self/stat").context("processor time is read from /proc: this needs Linux")?;
    children_of(&text).context("/proc/self/stat is not as proc(5) says")
}

fn children_of(stat: &str) -> Option<(f64, f64)> {
    Some((stat_field(stat, 16)? / TICKS_PER_SECOND, stat_field(stat, 17)? / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_kernel_are_read() {
        let stat = "12 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 250 75 20 0";
        assert_eq!(children_of(stat), Some((2.5, 0.75)));
        assert_eq!([children_of("12 (a) S 1"), children_of("")], [None, None]);
        assert_eq!(peak_of("Name:\tx\nVmHWM:\t    2048 kB\n"), Some(2 << 20));
        assert_eq!(peak_of("Name:\tx\n"), None, "one that has ended");
    }

    #[test]
    fn a_process_is_measured() {
        let folder = tempfile::tempdir().unwrap();
        let shell = |script: &str| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]);
            measure(command, folder.path())
        };
        // A shell that is busy for a third of a second.
        let busy = "end=$(($(date +%s%N) + 300000000)); while [ $(date +%s%N) -lt $end ]; do :; done; echo a; echo b";
        let taken = shell(busy).unwrap();
        assert!(taken.seconds >= 0.3 && taken.user_seconds + taken.system_seconds > 0.1, "{taken:?}");
        assert!(taken.peak_bytes > 100 << 10, "{taken:?}");
        assert_eq!(taken.last_line, "b");
        let error = shell("echo why >&2; exit 3").unwrap_err().to_string();
        assert!(error.contains("exit status: 3: why"), "{error}");
    }
}
