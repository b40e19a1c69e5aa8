//! State file of an ingest: up to which time the log is complete, for the next ingest of the same source.
//!
//! The log holds this too, but far from its end when other sources go on writing; a small file is cheaper to read.
//! Without the file a new ingest reports no gap for its predecessor.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::exit_code::ExitCode;
use crate::process::lock_file::{self, LockFailure};
use crate::process::{durable_file, os_error};

/// State file of a source. It is replaced atomically, so that a crash never leaves half a file.
#[derive(Clone, Debug)]
pub struct StateFile {
    path: PathBuf,
    source: String,
}

/// Content of the file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    source: String,
    /// On-time trades before this event time (Unix milliseconds) are in the log, or in a gap that is.
    complete_ms: u64,
    /// Whether the source left with a `bye`, so that it does not hold back the frontier.
    bye: bool,
}

/// State file error.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It cannot be read or written.
    #[error("cannot use the state file {path}: {why}")]
    Unusable {
        /// The path.
        path: String,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// Another ingest uses it.
    #[error(
        "the source {name:?} is being ingested by another process ({holder}), which holds the state file {path}: stop \
         that one first, or give this one a --source and a --state of its own"
    )]
    Held {
        /// The path.
        path: String,
        /// The source.
        name: String,
        /// The other process.
        holder: String,
    },
}

impl ExitCode for StateError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Unusable { .. } => 1,
            Self::Held { .. } => 2,
        }
    }
}

impl StateFile {
    /// State file of `source` at `path`, which need not exist yet.
    pub fn new(path: PathBuf, source: String) -> Self {
        Self { path, source }
    }

    /// Locks it for this process, while the result is held: two ingests of one source would write each trade twice.
    /// The lock has a file of its own, since the state file is replaced.
    pub fn lock(&self) -> Result<File, StateError> {
        self.make_directory().map_err(|error| self.bad(os_error::why(&error)))?;
        lock_file::lock(&self.beside(".lock")).map_err(|failure| match failure {
            LockFailure::Held(holder) => {
                StateError::Held { path: self.path.display().to_string(), name: self.source.clone(), holder }
            }
            LockFailure::System(error) => self.bad(os_error::why(&error)),
        })
    }

    /// Start of the predecessor's gap: its last acknowledged progress if it ended without a `bye`. Also checks that the
    /// file can be written, so that this fails at the start and not at the first loss.
    pub fn predecessor_ms(&self) -> Result<Option<u64>, StateError> {
        self.new_file().map_err(|error| self.bad(os_error::why(&error)))?;
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.bad(os_error::why(&error))),
        };
        let state: State =
            serde_json::from_str(&text).map_err(|error| self.bad(format!("{error}; remove it if it is not needed")))?;
        if state.source != self.source {
            let other = format!("it belongs to the source {:?}: each source needs its own file", state.source);
            return Err(self.bad(other));
        }
        Ok((!state.bye).then_some(state.complete_ms))
    }

    /// Writes up to which time the log is complete.
    pub fn write(&self, complete_ms: u64, bye: bool) -> Result<(), StateError> {
        let state = State { source: self.source.clone(), complete_ms, bye };
        self.replace(&state).map_err(|error| self.bad(os_error::why(&error)))
    }

    /// The new file that will replace the current one.
    fn new_file(&self) -> std::io::Result<(PathBuf, File)> {
        self.make_directory()?;
        let name = self.beside(".new");
        let file = File::create(&name)?;
        Ok((name, file))
    }

    fn make_directory(&self) -> std::io::Result<()> {
        std::fs::create_dir_all(durable_file::directory_of(&self.path))
    }

    /// Path of a file beside it.
    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(ending);
        name.into()
    }

    fn replace(&self, state: &State) -> std::io::Result<()> {
        let (name, mut file) = self.new_file()?;
        file.write_all(serde_json::to_string(state)?.as_bytes())?;
        durable_file::publish(&file, &name, &self.path)
    }

    fn bad(&self, why: String) -> StateError {
        StateError::Unusable { path: self.path.display().to_string(), why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bye_leaves_no_gap() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("new/a.state");
        let file = StateFile::new(path.clone(), "a".to_owned());
        assert_eq!(file.predecessor_ms().unwrap(), None);
        file.write(5, false).unwrap();
        file.write(7, false).unwrap();
        assert_eq!(file.predecessor_ms().unwrap(), Some(7));
        assert!(
            StateFile::new(path.clone(), "b".to_owned()).predecessor_ms().unwrap_err().to_string().contains("\"a\"")
        );
        file.write(9, true).unwrap();
        assert_eq!(file.predecessor_ms().unwrap(), None);
        let lock = file.lock().unwrap();
        let held = file.lock().unwrap_err();
        assert!(matches!(held, StateError::Held { .. }) && held.exit_code() == 2, "{held}");
        assert!(held.to_string().contains(&format!("process {}", std::process::id())), "{held}");
        drop(lock);
        file.lock().unwrap();
        std::fs::write(path, "{").unwrap();
        assert!(file.predecessor_ms().is_err());
        let nowhere = StateFile::new(home.path().join("new/a.state/under a file"), "a".to_owned());
        assert!(nowhere.predecessor_ms().is_err());
    }
}
