//! What an ingest leaves to the next one of its name: how far everything that the feed sent is in the log.
//!
//! The log itself tells it too, but far from its end when other sources go on writing; a small file is cheaper to read.
//! Without the file a new ingest knows of no other one and tells no gap.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::process::os_error;

/// The file of one source. It is replaced as a whole, so that no death leaves half of one.
#[derive(Clone, Debug)]
pub struct StateFile {
    path: PathBuf,
    source: String,
}

/// What the file holds.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    source: String,
    /// On-time trades before this event time (Unix milliseconds) are in the log, or in a gap that is.
    complete_ms: u64,
    /// The source said `bye`: it left knowingly, and nobody waits for it.
    bye: bool,
}

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the state file {path} cannot be used: {why}")]
pub struct StateError {
    /// Which one.
    pub path: String,
    /// What is wrong with it, and what to do.
    pub why: String,
}

impl StateFile {
    /// The state of `source` at `path`, which need not be there yet.
    pub fn new(path: PathBuf, source: String) -> Self {
        Self { path, source }
    }

    /// From when on trades may be missing: the predecessor's last acknowledged promise when it ended without a `bye`.
    /// Fails when the file could not be written later: that has to be seen at the start, not at the first loss.
    pub fn hole_ms(&self) -> Result<Option<u64>, StateError> {
        self.new_file().map_err(|error| self.bad(os_error::why(&error)))?;
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.bad(os_error::why(&error))),
        };
        let state: State = serde_json::from_str(&text)
            .map_err(|error| self.bad(format!("{error}; if it is not needed, remove it")))?;
        if state.source != self.source {
            let other = format!("it belongs to the source {:?}: each source needs a file of its own", state.source);
            return Err(self.bad(other));
        }
        Ok((!state.bye).then_some(state.complete_ms))
    }

    /// Writes how far things are.
    pub fn write(&self, complete_ms: u64, bye: bool) -> Result<(), StateError> {
        let state = State { source: self.source.clone(), complete_ms, bye };
        self.replace(&state).map_err(|error| self.bad(os_error::why(&error)))
    }

    /// The file that is going to take the place of the one that is there.
    fn new_file(&self) -> std::io::Result<(PathBuf, File)> {
        let directory = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(directory)?;
        let mut name = self.path.clone().into_os_string();
        name.push(".new");
        let file = File::create(&name)?;
        Ok((name.into(), file))
    }

    fn replace(&self, state: &State) -> std::io::Result<()> {
        let (name, mut file) = self.new_file()?;
        file.write_all(serde_json::to_string(state)?.as_bytes())?;
        file.sync_data()?;
        std::fs::rename(&name, &self.path)
    }

    fn bad(&self, why: String) -> StateError {
        StateError { path: self.path.display().to_string(), why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_leaves_a_hole_and_a_bye_none() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("new/a.state");
        let file = StateFile::new(path.clone(), "a".to_owned());
        assert_eq!(file.hole_ms().unwrap(), None);
        file.write(5, false).unwrap();
        file.write(7, false).unwrap();
        assert_eq!(file.hole_ms().unwrap(), Some(7));
        assert!(StateFile::new(path.clone(), "b".to_owned()).hole_ms().unwrap_err().to_string().contains("\"a\""));
        file.write(9, true).unwrap();
        assert_eq!(file.hole_ms().unwrap(), None);
        std::fs::write(path, "{").unwrap();
        assert!(file.hole_ms().is_err());
        let nowhere = StateFile::new(home.path().join("new/a.state/under a file"), "a".to_owned());
        assert!(nowhere.hole_ms().is_err());
    }
}
