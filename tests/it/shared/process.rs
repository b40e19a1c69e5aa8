//! `tickline` as a process in its own directory. No process outlives its test.

use std::ffi::OsStr;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Deadline of every wait. It measures nothing.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// Working directory of commands.
pub struct Home {
    dir: tempfile::TempDir,
}

/// Exit code and output of a command.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Running process, killed on drop.
pub struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Home {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// Starts `tickline` with the words of `line`.
    pub fn start(&self, line: &str) -> Running {
        self.start_as(env!("CARGO_BIN_EXE_tickline").as_ref(), &line.split_whitespace().collect::<Vec<_>>())
    }

    /// Starts `tickline` with the words of `line` and these settings.
    pub fn start_with(&self, line: &str, settings: &[(&str, &str)]) -> Running {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.start_set(env!("CARGO_BIN_EXE_tickline").as_ref(), &words, settings)
    }

    /// Starts any program, without settings from the environment.
    pub fn start_as(&self, program: &OsStr, words: &[&str]) -> Running {
        self.start_set(program, words, &[])
    }

    fn start_set(&self, program: &OsStr, words: &[&str], settings: &[(&str, &str)]) -> Running {
        let unique = tempfile::Builder::new().prefix("out-").tempdir_in(self.dir.path()).unwrap().keep();
        let (stdout, stderr) = (unique.join("stdout"), unique.join("stderr"));
        let mut command = Command::new(program);
        let ours = |name: &OsStr| ["TICKLINE_", "FINNHUB_"].iter().any(|head| name.to_string_lossy().starts_with(head));
        for (name, _) in std::env::vars_os().filter(|(name, _)| ours(name)) {
            command.env_remove(name);
        }
        command.envs(settings.iter().copied());
        command.args(words).current_dir(self.dir.path()).stdin(Stdio::null());
        command.stdout(File::create(&stdout).unwrap()).stderr(File::create(&stderr).unwrap());
        Running { child: command.spawn().unwrap(), stdout, stderr }
    }

    /// Runs `tickline` to its end.
    pub fn run(&self, line: &str) -> Ended {
        self.start(line).end(line)
    }

    /// Runs `tickline`, which must succeed, and returns its output.
    pub fn ok(&self, line: &str) -> String {
        let ended = self.run(line);
        assert_eq!(ended.code, Some(0), "{line}: {ended:?}");
        ended.stdout
    }

    /// Runs `tickline`, which must exit with this code and all of `words` on standard error, without a panic.
    pub fn fails(&self, line: &str, code: i32, words: &[&str]) {
        self.run(line).is(code, words);
    }

    /// Writes a file of simulated trades.
    pub fn simulate(&self, file: &str, trades: u64, start: &str) {
        let text = self.ok(&format!("simulate --print {trades} --start {start}"));
        self.write(file, text);
    }
}

impl Ended {
    pub fn is(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is missing: {self:?}");
        }
    }
}

impl Running {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub fn stdout(&self) -> String {
        std::fs::read_to_string(&self.stdout).unwrap()
    }

    /// Waits for the word after `before` on standard output.
    pub fn address_after(&mut self, before: &str) -> String {
        wait_for(before, || {
            assert!(self.is_alive(), "{}", self.stderr());
            let stdout = self.stdout();
            let (_, rest) = stdout.split_once(before)?;
            Some(rest.split_once(['/', ' ', '\n'])?.0.to_owned())
        })
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.stderr).unwrap()).into_owned()
    }

    /// SIGTERM.
    pub fn terminate(&mut self) {
        assert!(self.is_alive(), "it ended before SIGTERM: {}", self.stderr());
        assert!(Command::new("kill").args(["-TERM", &self.id().to_string()]).status().unwrap().success());
    }

    /// SIGKILL, now.
    pub fn kill(mut self) {
        assert!(self.is_alive(), "it ended before it was killed: {}", self.stderr());
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the process to end.
    pub fn end(mut self, what: &str) -> Ended {
        let status: ExitStatus = wait_for(what, || self.child.try_wait().unwrap());
        Ended { code: status.code(), stdout: self.stdout(), stderr: self.stderr() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Polls until there is a value.
pub fn wait_for<T>(what: &str, mut poll: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = poll() {
            return value;
        }
        assert!(start.elapsed() < DEADLINE, "timeout of {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
