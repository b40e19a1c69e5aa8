//! A real server, run by one of the scripts beside Cargo.toml, for as long as this process holds it.
//!
//! The script's standard input is a pipe that this process holds, so the server ends with this process, whatever
//! happens to it. Without Java or Maven the tests fail, and say what is missing.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::shared::pids::{is_running, kill, wait_until};

/// A server that runs, until it is dropped.
#[derive(Debug)]
pub struct Server {
    /// What the script said of it: the words of its line, behind `ready`.
    pub told: Vec<String>,
    /// The Java process.
    pub pid: u32,
    /// Where its data and its logs are.
    pub dir: PathBuf,
    script: Child,
    /// How it was started, to start it again.
    name: String,
    verb: String,
}

impl Server {
    /// Runs `scripts/NAME VERB DIR [PORTS]` until the server answers.
    pub fn run(name: &str, verb: &str, dir: &Path, ports: Option<&str>) -> Self {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name));
        command.arg(verb).arg(dir).args(ports).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut script = command.spawn().unwrap_or_else(|error| panic!("scripts/{name} cannot be started: {error}"));
        let mut line = String::new();
        BufReader::new(script.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Some(told) = line.trim_end().strip_prefix("ready ") else {
            drop(script.stdin.take());
            let mut why = String::new();
            script.stderr.take().unwrap().read_to_string(&mut why).unwrap();
            script.wait().unwrap();
            panic!("scripts/{name} runs no server for the tests: {line}{why}");
        };
        let told: Vec<String> = told.split(' ').map(str::to_owned).collect();
        let (name, verb) = (name.to_owned(), verb.to_owned());
        let mut server = Self { told, pid: 0, dir: PathBuf::new(), script, name, verb };
        server.pid = server.word("pid").parse().unwrap();
        server.dir = PathBuf::from(server.word("dir"));
        server
    }

    /// The word that the script said behind this one.
    pub fn word(&self, before: impl AsRef<OsStr>) -> &str {
        let at = self.told.iter().position(|word| OsStr::new(word) == before.as_ref()).unwrap();
        &self.told[at + 1]
    }

    /// The script's process.
    pub fn script_pid(&self) -> u32 {
        self.script.id()
    }

    /// SIGKILL; returns when the process is gone. Its data stays.
    pub fn kill(&self) {
        kill(self.pid);
        wait_until("the server is gone", || !is_running(self.pid));
    }

    /// Starts it again, on the same ports and data; ends it before when that has not happened yet.
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
