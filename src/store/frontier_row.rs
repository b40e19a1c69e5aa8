//! A frontier row as stores hold it: texts and integers, read back with care, and compared when there is one already.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use dataflows::output::counters::{COUNTERS, Counter};
use dataflows::output::digest::Digest;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::settings::PIPELINE_REVISION;

/// A row as a table holds it.
#[derive(Clone, Debug)]
pub struct HeldRow {
    /// Milliseconds of event time.
    pub frontier: u64,
    /// 32 hexadecimal digits.
    pub digest: String,
    /// Number of rows as of the frontier.
    pub rows: i64,
    /// The counts as a JSON object.
    pub counters: String,
    /// The revision of the program that wrote it.
    pub revision: u64,
}

/// Why a store cannot be what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// A value that is none.
    Value(String),
    /// Another row than ours, as of the same frontier.
    Differs {
        /// Both of them.
        what: String,
        /// What to do next.
        hint: String,
    },
}

impl HeldRow {
    /// Takes the row apart.
    pub fn decode(self) -> Result<FrontierRow, Damage> {
        let Self { frontier, digest, rows, counters, .. } = self;
        let bad = |what: &str| Damage::Value(format!("the frontier row of {frontier} holds {what}"));
        if digest.len() != 32 {
            return Err(bad("a digest that is none"));
        }
        let digest = u128::from_str_radix(&digest, 16).map_err(|_| bad("a digest that is none"))?;
        let named: BTreeMap<String, u64> =
            serde_json::from_str(&counters).map_err(|_| bad("counters that are none"))?;
        let mut counters = vec![0; COUNTERS];
        for counter in Counter::all() {
            counters[counter.index()] = named.get(&counter.name()).copied().unwrap_or(0);
        }
        Ok(FrontierRow { frontier, digest: Digest(digest), rows, counters })
    }
}

/// The counts as a JSON object by name, in the order of the names.
pub fn counters_text(counters: &[u64]) -> String {
    let named: BTreeMap<String, u64> =
        Counter::all().map(|counter| (counter.name(), counters.get(counter.index()).copied().unwrap_or(0))).collect();
    let fields = named.iter().map(|(name, count)| format!("\"{name}\":{count}"));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

/// How a row that is there stands to one that is to be written: `Greater` stays, `Less` gives way, and an `Equal` one,
/// of this revision and as of the same frontier, must be the same row.
pub fn standing(old: &FrontierRow, old_revision: u64, new: &FrontierRow) -> Result<Ordering, Damage> {
    let standing = old_revision.cmp(&PIPELINE_REVISION).then(old.frontier.cmp(&new.frontier));
    if standing != Ordering::Equal || old == new {
        return Ok(standing);
    }
    Err(Damage::Differs {
        what: format!(
            "as of frontier {} it holds digest {} ({} rows), and this run finds digest {} ({} rows)",
            old.frontier, old.digest, old.rows, new.digest, new.rows
        ),
        hint: "the log, its settings or the program are not those that this store was made with: bring them back, or \
               work into a new store"
            .to_string(),
    })
}
