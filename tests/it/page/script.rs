//! A script that drives a browser, by node with what `scripts/page-tools` has installed. It ends with its test.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};

use serde_json::Value;

use crate::shared::process::{DEADLINE, wait_for};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// One of `tests/page/*.mjs`, running.
pub struct Script {
    name: String,
    child: Child,
    answers: ChildStdin,
    lines: Receiver<String>,
    errors: tempfile::NamedTempFile,
}

/// The folder of the modules.
fn tools() -> &'static Path {
    static TOOLS: OnceLock<PathBuf> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let output = Command::new(Path::new(ROOT).join("scripts/page-tools")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end())
    })
}

fn chromium() -> String {
    let name = std::env::var("TICKLINE_CHROMIUM").unwrap_or_else(|_| "chromium".into());
    let output = Command::new("sh").args(["-c", &format!("command -v {name}")]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

impl Script {
    /// Starts it on the page at `address`.
    pub fn start(name: &str, address: &str) -> Self {
        let errors = tempfile::NamedTempFile::new().unwrap();
        let mut command = Command::new("node");
        command.arg(Path::new(ROOT).join(format!("tests/page/{name}.mjs")));
        command.env("TICKLINE_PAGE_TOOLS", tools()).env("TICKLINE_CHROMIUM", chromium());
        command.env("TICKLINE_PAGE", format!("http://{address}"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(errors.path()).unwrap());
        let mut child = command.spawn().expect("node cannot be started (Debian: nodejs)");
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        let answers = child.stdin.take().unwrap();
        Self { name: name.to_owned(), child, answers, lines, errors }
    }

    fn said(&self) -> String {
        format!("{}.mjs: {}", self.name, std::fs::read_to_string(self.errors.path()).unwrap())
    }

    /// The next line that it reports.
    pub fn report(&mut self) -> Value {
        let line = self.lines.recv_timeout(DEADLINE).unwrap_or_else(|_| {
            drop(self.child.wait());
            panic!("{}", self.said())
        });
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Waits until it reports this word.
    pub fn expect(&mut self, word: &str) {
        assert_eq!(self.report(), word);
    }

    /// Sends it an answer.
    pub fn answer(&mut self, line: &str) {
        writeln!(self.answers, "{line}").unwrap();
    }

    /// Waits for it to end successfully.
    pub fn end(mut self) {
        let status = wait_for(&self.name.clone(), || self.child.try_wait().unwrap());
        assert!(status.success(), "{}", self.said());
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // The browser ends with its script: they are joined by a pipe.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
