//! What processes say to each other before they are a cluster, and whether they fit together.

use std::collections::BTreeMap;
use std::io::Read;

use dataflows::progress::time::Time;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3Default;

use super::ClusterError;

/// Goes up with every change of what is said here.
pub const PROTOCOL: u32 = 1;

/// Who dials, to whom it dials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// XXH3 of the program's bytes: processes of two builds may make two dataflows.
    pub build: u64,
    /// Processes of the cluster.
    pub processes: usize,
    /// The number of this one.
    pub index: usize,
    /// What must be the same in all processes, by name.
    pub about: BTreeMap<String, String>,
    /// The epoch that process 0 has told; `None` for process 0, which tells it.
    pub epoch: Option<u64>,
}

/// What process 0 found when all were there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The epoch it has opened.
    pub epoch: u64,
    /// Frontier and header of the checkpoint to resume from.
    pub checkpoint: Option<(Time, Vec<u8>)>,
    /// Without one: the first offset to read, by partition.
    pub offsets: Vec<u64>,
}

/// From the one who was dialled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// You fit; from process 0: wait for the others.
    Welcome {
        /// The number of the one who answers.
        index: usize,
    },
    /// These are not there yet.
    Waiting {
        /// Their numbers.
        missing: Vec<usize>,
    },
    /// All are there.
    Plan(Plan),
    /// You do not fit, or not now.
    Refused(Refusal),
}

/// From the one who has dialled process 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sign {
    /// I live.
    Beat,
    /// I am connected to all others, and have read my shards of the checkpoint.
    Ready {
        /// How many there were.
        shards: u32,
    },
}

/// Why a peer is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// For people, with both values.
    pub why: String,
    /// What the refused one is to do.
    pub then: Then,
}

/// What a refused process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Then {
    /// Try again soon: the cluster is still running, or ending.
    Retry,
    /// Start over, with the others.
    StartOver,
    /// End: no time will change it.
    End,
}

impl Refusal {
    pub(super) fn new(then: Then, why: impl Into<String>) -> Self {
        Self { why: why.into(), then }
    }
}

impl Hello {
    /// Whether the process that says this is a peer of ours. What never changes is looked at after the epoch: a
    /// process of another epoch may be of another build.
    pub fn check(&self, theirs: &Self) -> Result<(), Refusal> {
        let (us, them) = (self.index, theirs.index);
        let end = |why: String| Err(Refusal::new(Then::End, why));
        if theirs.protocol != self.protocol {
            return end(format!(
                "it speaks version {} of the handshake, process {us} version {}",
                theirs.protocol, self.protocol
            ));
        }
        if let (Some(ours), Some(theirs)) = (self.epoch, theirs.epoch)
            && ours != theirs
        {
            return Err(Refusal::new(
                Then::StartOver,
                format!("it is of epoch {theirs}, process {us} of epoch {ours}"),
            ));
        }
        if theirs.build != self.build {
            return end(format!(
                "it runs build {:016x}, process {us} runs build {:016x}: start all processes from the same binary",
                theirs.build, self.build
            ));
        }
        if theirs.processes != self.processes {
            return end(format!("it wants {} processes, process {us} wants {}", theirs.processes, self.processes));
        }
        if them >= self.processes || them <= us {
            return end(format!(
                "it says that it is process {them}; process {us} of {} is dialled by those with a higher number",
                self.processes
            ));
        }
        let names = self.about.keys().chain(theirs.about.keys());
        for name in names {
            let (ours, theirs) = (self.about.get(name), theirs.about.get(name));
            if ours != theirs {
                let value = |value: Option<&String>| value.cloned().unwrap_or_else(|| "none".to_owned());
                return end(format!("it has {name} {}, process {us} has {}", value(theirs), value(ours)));
            }
        }
        Ok(())
    }
}

/// XXH3 of the program that runs, whatever has become of its file since.
pub fn build_hash() -> Result<u64, ClusterError> {
    let path = ["/proc/self/exe"].iter().map(std::path::PathBuf::from).find(|path| path.exists());
    let path = path.map_or_else(std::env::current_exe, Ok).map_err(ClusterError::Build)?;
    let mut file = std::fs::File::open(path).map_err(ClusterError::Build)?;
    let (mut hash, mut buffer) = (Xxh3Default::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).map_err(ClusterError::Build)? {
            0 => return Ok(hash.digest()),
            n => hash.update(&buffer[..n]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(index: usize) -> Hello {
        let about = BTreeMap::from([("workers".to_owned(), "2".to_owned()), ("log".to_owned(), "dir:x".to_owned())]);
        Hello { protocol: PROTOCOL, build: 7, processes: 3, index, about, epoch: None }
    }

    #[test]
    fn a_peer_fits_and_others_are_told_why_not() {
        let ours = Hello { epoch: Some(4), ..hello(1) };
        assert_eq!(ours.check(&hello(2)), Ok(()));
        assert_eq!(ours.check(&Hello { epoch: Some(4), ..hello(2) }), Ok(()));
        let other = |name: &str, value: &str| {
            let mut about = hello(2).about;
            about.insert(name.to_owned(), value.to_owned());
            Hello { about, ..hello(2) }
        };
        let unfit = [
            (Hello { protocol: 9, ..hello(2) }, Then::End, ["version 9", "version 1"]),
            (Hello { epoch: Some(3), build: 8, ..hello(2) }, Then::StartOver, ["epoch 3", "epoch 4"]),
            (Hello { build: 8, ..hello(2) }, Then::End, ["0000000000000008", "0000000000000007"]),
            (Hello { processes: 2, ..hello(2) }, Then::End, ["wants 2 processes", "wants 3"]),
            (hello(3), Then::End, ["process 3", "process 1 of 3"]),
            (hello(1), Then::End, ["process 1", "higher"]),
            (other("workers", "8"), Then::End, ["workers 8", "has 2"]),
            (other("symbols", "dir:s"), Then::End, ["symbols dir:s", "has none"]),
        ];
        for (theirs, then, words) in unfit {
            let refusal = ours.check(&theirs).unwrap_err();
            assert_eq!(refusal.then, then, "{refusal:?}");
            words.iter().for_each(|word| assert!(refusal.why.contains(word), "{word}: {refusal:?}"));
        }
    }

    #[test]
    fn the_build_is_known() {
        assert_eq!(build_hash().unwrap(), build_hash().unwrap());
        assert_ne!(build_hash().unwrap(), Xxh3Default::new().digest());
    }
}
