//! Messages between processes before the cluster runs, and the check that the processes fit together.

use std::collections::BTreeMap;
use std::io::Read;

use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::time::Time;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3Default;

use super::ClusterError;

/// Handshake version; incremented with every change of these messages.
pub const PROTOCOL: u32 = 5;

/// The first message of a process that connects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRequest {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// XXH3 of the program's bytes: processes of two builds may make two dataflows.
    pub build: u64,
    /// Processes of the cluster.
    pub processes: usize,
    /// The index of this one.
    pub index: usize,
    /// Settings that must be the same in all processes, by name.
    pub shared_settings: BTreeMap<String, String>,
    /// The epoch of the plan; `None` before there is a plan.
    pub epoch: Option<u64>,
}

/// Initial state of a run, from process 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The epoch that process 0 has opened.
    pub epoch: u64,
    /// Frontier and header of the checkpoint to resume from.
    pub checkpoint: Option<(Time, Vec<u8>)>,
    /// The frontier row that the log has to give again before anything is written.
    pub published: Option<FrontierRow>,
    /// Without a checkpoint: the first offset to read, by partition.
    pub offsets: Vec<u64>,
}

/// A message to the process that has connected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// The join request is accepted; process 0 then sends the plan once all have joined.
    Accepted {
        /// The index of the process that replies.
        index: usize,
    },
    /// Process 0 is waiting: for missing processes, or, where none is missing, for the store. Once per second.
    Waiting {
        /// Their indices.
        missing: Vec<usize>,
    },
    /// All processes have joined.
    Plan(Plan),
    /// All processes are ready. The last message: timely takes over the connection.
    Start,
    /// The join request is rejected.
    Rejected(Rejection),
}

/// A message to process 0 from a process that has joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MemberMessage {
    /// The process is alive. Once per second until the last message.
    Heartbeat,
    /// The process is connected to all others, and has read its shards of the checkpoint.
    Ready,
    /// The reply to [`Reply::Start`], and the last message.
    Started,
}

/// Rejection of a join request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The reason, with both values, for people.
    pub reason: String,
    /// What the rejected process must do.
    pub next_step: NextStep,
}

/// Next step of a rejected process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NextStep {
    /// Try again soon: the cluster is still running, or ending.
    Retry,
    /// Start over together with the others.
    StartOver,
    /// Exit: retrying cannot succeed.
    Exit,
}

impl Rejection {
    pub(super) fn new(next_step: NextStep, reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), next_step }
    }
}

impl JoinRequest {
    /// Checks that the process with this request fits. The epoch is checked before the build, because a process of
    /// another epoch may be of another build.
    pub fn check(&self, theirs: &Self) -> Result<(), Rejection> {
        let (us, them) = (self.index, theirs.index);
        let exit = |reason: String| Err(Rejection::new(NextStep::Exit, reason));
        if theirs.protocol != self.protocol {
            return exit(format!(
                "it uses version {} of the handshake, process {us} uses version {}",
                theirs.protocol, self.protocol
            ));
        }
        if let (Some(ours), Some(theirs)) = (self.epoch, theirs.epoch)
            && ours != theirs
        {
            return Err(Rejection::new(
                NextStep::StartOver,
                format!("it belongs to epoch {theirs}, process {us} to epoch {ours}"),
            ));
        }
        if theirs.build != self.build {
            return exit(format!(
                "it runs build {:016x}, process {us} runs build {:016x}: start all processes from the same binary",
                theirs.build, self.build
            ));
        }
        if theirs.processes != self.processes {
            return exit(format!("it has --processes {}, process {us} has {}", theirs.processes, self.processes));
        }
        if them >= self.processes || them <= us {
            return exit(format!(
                "it claims to be process {them}; only processes with a higher index connect to process {us} of {}",
                self.processes
            ));
        }
        let names = self.shared_settings.keys().chain(theirs.shared_settings.keys());
        for name in names {
            let (ours, theirs) = (self.shared_settings.get(name), theirs.shared_settings.get(name));
            if ours != theirs {
                let value = |value: Option<&String>| value.cloned().unwrap_or_else(|| "none".to_owned());
                return exit(format!("it has {name} {}, process {us} has {}", value(theirs), value(ours)));
            }
        }
        Ok(())
    }
}

/// XXH3 of the running program, even if its file was replaced since.
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

    fn request(index: usize) -> JoinRequest {
        let shared_settings =
            BTreeMap::from([("workers".to_owned(), "2".to_owned()), ("log".to_owned(), "dir:x".to_owned())]);
        JoinRequest { protocol: PROTOCOL, build: 7, processes: 3, index, shared_settings, epoch: None }
    }

    #[test]
    fn unfit_processes_get_a_reason() {
        let ours = JoinRequest { epoch: Some(4), ..request(1) };
        assert_eq!(ours.check(&request(2)), Ok(()));
        assert_eq!(ours.check(&JoinRequest { epoch: Some(4), ..request(2) }), Ok(()));
        let other = |name: &str, value: &str| {
            let mut shared_settings = request(2).shared_settings;
            shared_settings.insert(name.to_owned(), value.to_owned());
            JoinRequest { shared_settings, ..request(2) }
        };
        let unfit = [
            (JoinRequest { protocol: 9, ..request(2) }, NextStep::Exit, ["version 9", "version 5"]),
            (JoinRequest { epoch: Some(3), build: 8, ..request(2) }, NextStep::StartOver, ["epoch 3", "epoch 4"]),
            (JoinRequest { build: 8, ..request(2) }, NextStep::Exit, ["0000000000000008", "0000000000000007"]),
            (JoinRequest { processes: 2, ..request(2) }, NextStep::Exit, ["--processes 2", "has 3"]),
            (request(3), NextStep::Exit, ["process 3", "process 1 of 3"]),
            (request(1), NextStep::Exit, ["process 1", "higher"]),
            (other("workers", "8"), NextStep::Exit, ["workers 8", "has 2"]),
            (other("symbols", "dir:s"), NextStep::Exit, ["symbols dir:s", "has none"]),
        ];
        for (theirs, next_step, words) in unfit {
            let rejection = ours.check(&theirs).unwrap_err();
            assert_eq!(rejection.next_step, next_step, "{rejection:?}");
            words.iter().for_each(|word| assert!(rejection.reason.contains(word), "{word}: {rejection:?}"));
        }
    }

    #[test]
    fn build_hash_is_stable() {
        assert_eq!(build_hash().unwrap(), build_hash().unwrap());
        assert_ne!(build_hash().unwrap(), Xxh3Default::new().digest());
    }
}
