//! Dashboard: the cost of viewers to the pipeline, the latency from frontier row to screen, and the time to first
//! paint.
//!
//! `cargo bench --bench dashboard`; `-- viewers` or `-- pixels` runs one part, `-- --quick` runs shorter. All processes
//! share this machine: the workers, the dashboard, its viewers and, for `pixels`, a real browser.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench that cannot run must stop")]

use std::process::{ChildStdout, Command, Stdio};

#[path = "support/percentile.rs"]
mod percentile;
#[path = "dashboard/pixels.rs"]
mod pixels;
#[path = "support/process.rs"]
mod process;
#[path = "dashboard/viewers.rs"]
mod viewers;

/// A running `tickline` process.
struct Running(process::Process);

impl Running {
    fn start(args: &[&str], folder: &std::path::Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tickline"));
        command.args(args).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::inherit());
        Self(process::Process::spawn(&mut command))
    }

    /// Reads its output up to the dashboard's address.
    fn address(&mut self) -> String {
        let stdout: &mut ChildStdout = self.0.0.stdout.as_mut().expect("it is piped");
        let mut reader = std::io::BufReader::with_capacity(1, stdout);
        let mut line = String::new();
        while std::io::BufRead::read_line(&mut reader, &mut line).expect("it prints") > 0 {
            if let Some((_, rest)) = line.split_once("http://") {
                return rest.split('/').next().expect("an address").to_owned();
            }
            line.clear();
        }
        panic!("it ended without an address");
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let quick = words.iter().any(|word| word == "--quick");
    let named: Vec<&String> = words.iter().filter(|word| !word.starts_with("--")).collect();
    let wants = |part: &str| named.is_empty() || named.iter().any(|word| *word == part);
    if wants("viewers") {
        viewers::run(quick);
    }
    if wants("pixels") {
        pixels::run(quick);
    }
}
