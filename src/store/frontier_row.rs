//! Frontier rows as stores hold them: encoding, validation, and comparison with an existing row.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use dataflows::output::counters::{COUNTERS, Counter};
use dataflows::output::digest::Digest;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::settings::PIPELINE_REVISION;

/// A frontier row as a table holds it.
#[derive(Clone, Debug)]
pub struct HeldRow {
    /// Milliseconds of event time.
    pub frontier: u64,
    /// 32 hexadecimal digits.
    pub digest: String,
    /// Number of rows as of the frontier.
    pub rows: i64,
    /// Counters as a JSON object.
    pub counters: String,
    /// Revision of the program that wrote it.
    pub revision: u64,
}

/// Evidence that a store does not hold what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// An invalid value.
    Value(String),
    /// A different row as of the same frontier.
    Differs {
        /// Both rows.
        what: String,
        /// What to do next.
        hint: String,
    },
}

impl HeldRow {
    /// Decodes and validates the row.
    pub fn decode(self) -> Result<FrontierRow, Damage> {
        let Self { frontier, digest, rows, counters, .. } = self;
        let bad = |what: &str| Damage::Value(format!("the frontier row of {frontier} holds {what}"));
        if digest.len() != 32 {
            return Err(bad("an invalid digest"));
        }
        let digest = u128::from_str_radix(&digest, 16).map_err(|_| bad("an invalid digest"))?;
        let named: BTreeMap<String, u64> = serde_json::from_str(&counters).map_err(|_| bad("invalid counters"))?;
        let mut counters = vec![0; COUNTERS];
        for counter in Counter::all() {
            counters[counter.index()] = named.get(&counter.name()).copied().unwrap_or(0);
        }
        Ok(FrontierRow { frontier, digest: Digest(digest), rows, counters })
    }
}

/// Counters as a JSON object, sorted by name.
pub fn counters_text(counters: &[u64]) -> String {
    let named: BTreeMap<String, u64> =
        Counter::all().map(|counter| (counter.name(), counters.get(counter.index()).copied().unwrap_or(0))).collect();
    let fields = named.iter().map(|(name, count)| format!("\"{name}\":{count}"));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

/// Compares an existing row with a new one: `Greater` stays and `Less` is replaced. `Equal` means the same revision and
/// frontier, where the rows must be the same.
pub fn precedence(old: &FrontierRow, old_revision: u64, new: &FrontierRow) -> Result<Ordering, Damage> {
    let precedence = old_revision.cmp(&PIPELINE_REVISION).then(old.frontier.cmp(&new.frontier));
    if precedence != Ordering::Equal || old == new {
        return Ok(precedence);
    }
    Err(Damage::Differs {
        what: format!(
            "as of frontier {} it holds digest {} ({} rows), but this run computes digest {} ({} rows)",
            old.frontier, old.digest, old.rows, new.digest, new.rows
        ),
        hint: "the log, the settings or the program differ from those that wrote this store: restore them, or use a \
               new store"
            .to_string(),
    })
}
