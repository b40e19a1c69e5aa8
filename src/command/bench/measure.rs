//! Runs this program as processes of their own, and reads what they took from `/proc`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::process::proc_text::{TICKS_PER_SECOND, memory_kib, stat_field};

/// Between two looks at a process's memory.
const LOOK: Duration = Duration::from_millis(10);

/// What processes took.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// From their start to the end of the last.
    pub seconds: f64,
    /// Processor time in the program, in seconds.
    pub user_seconds: f64,
    /// Processor time in the kernel, in seconds.
    pub system_seconds: f64,
    /// Greatest memory of each, in bytes, added up.
    pub peak_bytes: u64,
    /// The last line that the first one printed.
    pub last_line: String,
    /// The last line that the first one wrote to standard error.
    pub last_message: String,
}

/// Runs commands side by side to their end. One that fails is an error with what it said, which goes through a file in
/// `folder`.
pub fn measure(commands: Vec<Command>, folder: &Path) -> anyhow::Result<Taken> {
    let before = of_children()?;
    let start = Instant::now();
    let mut running = Vec::new();
    for (index, command) in commands.into_iter().enumerate() {
        running.push(Running::start(command, folder.join(format!("stderr-{index}")))?);
    }
    while running.iter_mut().map(Running::is_running).collect::<anyhow::Result<Vec<_>>>()?.contains(&true) {
        thread::sleep(LOOK);
    }
    let seconds = start.elapsed().as_secs_f64();
    let after = of_children()?;
    let (user_seconds, system_seconds) = (after.0 - before.0, after.1 - before.1);
    let peak_bytes = running.iter().map(|one| one.peak_bytes).sum();
    let [last_line, last_message] = running.first_mut().map(Running::last_lines).unwrap_or_default();
    Ok(Taken { seconds, user_seconds, system_seconds, peak_bytes, last_line, last_message })
}

/// A process that is measured. It does not outlive this.
struct Running {
    command: Command,
    child: Child,
    lines: Option<JoinHandle<String>>,
    errors: PathBuf,
    peak_bytes: u64,
}

impl Running {
    fn start(mut command: Command, errors: PathBuf) -> anyhow::Result<Self> {
        let file = fs::File::create(&errors).with_context(|| format!("cannot create {}", errors.display()))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
        let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let lines = child.stdout.take().map(|out| thread::spawn(move || last_line(BufReader::new(out))));
        Ok(Self { command, child, lines, errors, peak_bytes: 0 })
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.errors).unwrap_or_default()
    }

    /// Looks at its memory, and whether it has not ended.
    fn is_running(&mut self) -> anyhow::Result<bool> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        self.peak_bytes = peak_of(&text).unwrap_or(0).max(self.peak_bytes);
        match self.child.try_wait().context("cannot wait for a process")? {
            None => Ok(true),
            Some(status) if status.success() => Ok(false),
            Some(status) => bail!("{:?} ended with {status}: {}", self.command, self.said().trim()),
        }
    }

    /// The last lines of its output and of its messages.
    fn last_lines(&mut self) -> [String; 2] {
        let line = self.lines.take().and_then(|lines| lines.join().ok()).unwrap_or_default();
        [line, self.said().lines().last().unwrap_or_default().to_owned()]
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, unless another one has failed.
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

fn last_line(lines: impl BufRead) -> String {
    lines.lines().map_while(Result::ok).last().unwrap_or_default()
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
            measure(vec![command], folder.path())
        };
        // A fixed amount of work, some tenths of a second, however busy the machine is.
        let taken = shell("i=0; while [ $i -lt 500000 ]; do i=$((i+1)); done; echo a; echo b").unwrap();
        let busy = taken.user_seconds + taken.system_seconds;
        assert!(busy > 0.03 && taken.seconds > busy / 2.0, "{taken:?}");
        assert!(taken.peak_bytes > 100 << 10, "{taken:?}");
        assert_eq!(taken.last_line, "b");
        let error = shell("echo why >&2; exit 3").unwrap_err().to_string();
        assert!(error.contains("exit status: 3: why"), "{error}");
    }
}
