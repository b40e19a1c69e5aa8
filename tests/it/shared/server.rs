//! Real server, run by one of the scripts in `scripts/`.
//!
//! The script's standard input is a pipe from this process, so the server ends with this process in any case. Without
//! Java or Maven the tests fail and name what is missing.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::shared::pids::{is_running, kill, terminate, wait_until};

/// Running server, stopped on drop.
#[derive(Debug)]
pub struct Server {
    /// Words of the script's line after `ready`.
    pub words: Vec<String>,
    /// The Java process.
    pub pid: u32,
    /// Directory of its data and logs.
    pub dir: PathBuf,
    script: Child,
    /// Arguments to start it again.
    name: String,
    verb: String,
}

impl Server {
    /// Runs `scripts/NAME VERB DIR [PORTS]` until the server is ready.
    pub fn run(name: &str, verb: &str, dir: &Path, ports: Option<&str>) -> Self {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name));
        command.arg(verb).arg(dir).args(ports).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut script = command.spawn().unwrap_or_else(|error| panic!("scripts/{name} cannot be started: {error}"));
        let mut line = String::new();
        BufReader::new(script.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Some(line_words) = line.trim_end().strip_prefix("ready ") else {
            drop(script.stdin.take());
            let mut why = String::new();
            script.stderr.take().unwrap().read_to_string(&mut why).unwrap();
            script.wait().unwrap();
            panic!("scripts/{name} failed to start a server: {line}{why}");
        };
        let words: Vec<String> = line_words.split(' ').map(str::to_owned).collect();
        let (name, verb) = (name.to_owned(), verb.to_owned());
        let mut server = Self { words, pid: 0, dir: PathBuf::new(), script, name, verb };
        server.pid = server.word("pid").parse().unwrap();
        server.dir = PathBuf::from(server.word("dir"));
        server
    }

    /// The word after this one.
    pub fn word(&self, before: impl AsRef<OsStr>) -> &str {
        let at = self.words.iter().position(|word| OsStr::new(word) == before.as_ref()).unwrap();
        &self.words[at + 1]
    }

    /// The script's process.
    pub fn script_pid(&self) -> u32 {
        self.script.id()
    }

    /// SIGKILL; waits for the end of the process. Its data stays.
    pub fn kill(&self) {
        kill(self.pid);
        wait_until("the end of the server", || !is_running(self.pid));
    }

    /// SIGTERM, as an operator stops it; waits for the end of the process.
    pub fn end(&self) {
        terminate(self.pid);
        wait_until("the end of the server", || !is_running(self.pid));
    }

    /// Restarts it on the same ports and data.
    pub fn restart(&mut self) {
        self.stop();
        let ports = self.word("ports").to_owned();
        *self = Self::run(&self.name, &self.verb, &self.dir, Some(&ports));
    }

    fn stop(&mut self) {
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
