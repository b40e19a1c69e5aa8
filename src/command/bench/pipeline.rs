//! What a run of the bench starts: one `replay`, or `work` where rows are kept or several processes run.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::str::FromStr;

use anyhow::{Context as _, anyhow};
use dataflows::settings::SYMBOLS_MAX;
use serde::Deserialize;

use super::measure::{Taken, measure};
use crate::time::now_ms;

/// Where a run writes its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nowhere: only the digest is computed.
    None,
    /// Into a new SQLite file.
    Sqlite,
    /// Into a new keyspace of the node at this address.
    Cassandra(String),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("cassandra://")) {
            ("none", _) => Ok(Self::None),
            ("sqlite", _) => Ok(Self::Sqlite),
            (_, Some(node)) if !node.is_empty() && !node.contains('/') => Ok(Self::Cassandra(text.to_owned())),
            _ => Err(format!("invalid store {text:?}: expected none, sqlite or cassandra://HOST:PORT")),
        }
    }
}

/// One run over a log.
pub struct Pipeline<'a> {
    /// Address of the log.
    pub log: &'a str,
    /// Number of processes.
    pub processes: u16,
    /// Worker threads of each.
    pub workers: u16,
    /// Where the rows go.
    pub target: &'a Target,
}

/// What a replay prints last.
#[derive(Deserialize)]
struct LastRow {
    digest: String,
}

impl Pipeline<'_> {
    fn is_replay(&self) -> bool {
        self.processes == 1 && *self.target == Target::None
    }

    /// The commands of its processes, ready to start in `folder`.
    pub fn commands(
        &self,
        program: impl Fn() -> Command,
        symbols: Option<u64>,
        folder: &Path,
    ) -> anyhow::Result<Vec<Command>> {
        let workers = self.workers.to_string();
        let mut shared = vec!["--log".to_owned(), self.log.to_owned(), "--workers".to_owned(), workers];
        if let Some(symbols) = symbols.filter(|symbols| *symbols > SYMBOLS_MAX) {
            shared.extend(["--symbols-max".to_owned(), symbols.to_string()]);
        }
        if self.is_replay() {
            let mut replay = program();
            replay.args(["replay", "--every", "24h"]).args(&shared);
            return Ok(vec![replay]);
        }
        shared.extend(["--store".to_owned(), self.new_store(&program, folder)?, "--until-end".to_owned()]);
        if self.processes > 1 {
            let hosts = folder.join("hosts");
            fs::write(&hosts, free_addresses(self.processes)?)
                .with_context(|| format!("cannot write {}", hosts.display()))?;
            shared.extend(["--processes".to_owned(), self.processes.to_string()]);
            shared.extend(["--hosts".to_owned(), hosts.display().to_string()]);
        }
        let of = |process: u16| {
            let mut work = program();
            work.arg("work").args(&shared);
            if self.processes > 1 {
                work.args(["--process", &process.to_string()]);
            }
            work
        };
        Ok((0..self.processes).map(of).collect())
    }

    /// The address of a store that nothing was written to.
    fn new_store(&self, program: impl Fn() -> Command, folder: &Path) -> anyhow::Result<String> {
        Ok(match self.target {
            Target::None => "none".to_owned(),
            Target::Sqlite => format!("sqlite:{}", folder.join(format!("rows-{}.db", now_ms())).display()),
            Target::Cassandra(node) => {
                let store = format!("{node}/tickline_bench_{}", now_ms());
                let mut setup = program();
                // A node on its own has one replica of each row.
                setup.args(["setup", "--store", &store, "--replication", "1"]);
                measure(vec![setup], folder)?;
                store
            }
        })
    }

    /// The digest that the run ended with.
    pub fn digest(&self, taken: &Taken) -> anyhow::Result<String> {
        let digest = if self.is_replay() {
            serde_json::from_str::<LastRow>(&taken.last_line).ok().map(|row| row.digest)
        } else {
            taken.last_message.rsplit_once(", digest ").map(|(_, digest)| digest.to_owned())
        };
        let said = [&taken.last_line, &taken.last_message];
        digest.ok_or_else(|| anyhow!("the run did not end with a digest but with {said:?}"))
    }
}

/// Loopback addresses with free ports, one per line.
fn free_addresses(count: u16) -> anyhow::Result<String> {
    let listener = |_| TcpListener::bind("127.0.0.1:0").and_then(|one| Ok((one.local_addr()?, one)));
    // All at once, so that they differ.
    let all: Vec<_> = (0..count).map(listener).collect::<Result<_, _>>().context("no free port")?;
    Ok(all.iter().map(|(address, _)| format!("{address}\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read() {
        let target = |text: &str| text.parse::<Target>();
        assert_eq!(target("none"), Ok(Target::None));
        assert_eq!(target("sqlite"), Ok(Target::Sqlite));
        assert_eq!(target("cassandra://a:1"), Ok(Target::Cassandra("cassandra://a:1".to_owned())));
        for wrong in ["", "sqlite:a.db", "cassandra://", "cassandra://a:1/keyspace"] {
            assert!(target(wrong).unwrap_err().contains("expected none, sqlite or cassandra://HOST:PORT"), "{wrong}");
        }
    }

    #[test]
    fn free_addresses_differ() {
        let text = free_addresses(5).unwrap();
        assert_eq!(text.lines().collect::<std::collections::BTreeSet<_>>().len(), 5, "{text}");
    }
}
