//! Comparison of frontier rows: those that the store keeps with those that the replay produces.

use std::collections::BTreeMap;

use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::time::Time;

use super::mismatch::Mismatch;
use crate::replay::{Kind, ReplayedRow};
use crate::store::{StoreError, StoreReader};
use crate::time::rfc3339;

/// A comparison of frontier rows.
#[derive(Debug)]
pub struct FrontierCheck {
    /// Rows of the store that the replay has not reached.
    stored: BTreeMap<(Time, Kind), FrontierRow>,
    /// The published frontier.
    durable: Time,
    /// Number of rows that agree.
    pub agree: u64,
    /// Whether the replay has reached the published frontier.
    pub is_reached: bool,
    /// The first difference.
    first: Option<Mismatch>,
}

impl FrontierCheck {
    /// Reads the kept rows of a store up to its published row `durable`, after the row of the checkpoint that the
    /// replay begins from. A live pipeline goes on meanwhile.
    pub fn of(
        reader: &mut dyn StoreReader,
        durable: &FrontierRow,
        begins: Option<&FrontierRow>,
    ) -> Result<Self, StoreError> {
        let from = begins.map_or(0, |row| row.frontier);
        let kept = reader.frontiers()?.into_iter().filter(|row| (from..=durable.frontier).contains(&row.frontier));
        let mut stored: BTreeMap<_, FrontierRow> = kept.map(|row| ((row.frontier, Kind::Kept), row)).collect();
        stored.insert((durable.frontier, Kind::Stop), durable.clone());
        let mut check = Self { stored, durable: durable.frontier, agree: 0, is_reached: false, first: None };
        // What the checkpoint begins with is not computed again, but has to be what was published.
        if let Some(begins) = begins
            && let Some(theirs) = check.stored.remove(&(from, Kind::Kept))
            && theirs != *begins
        {
            check.note(from, difference(&theirs, begins));
        }
        Ok(check)
    }

    /// The first frontier that is compared.
    pub fn first(&self) -> Time {
        self.stored.first_key_value().map_or(self.durable, |((frontier, _), _)| *frontier)
    }

    /// Compares a row of the replay with the one of the store.
    pub fn compare(&mut self, replayed: &ReplayedRow) {
        let frontier = replayed.row.frontier;
        if frontier > self.durable || replayed.kind == Kind::Now {
            return;
        }
        self.is_reached |= replayed.kind == Kind::Stop && frontier == self.durable;
        let what = match self.stored.remove(&(frontier, replayed.kind)) {
            Some(theirs) if theirs == replayed.row => {
                self.agree += 1;
                return;
            }
            Some(theirs) => difference(&theirs, &replayed.row),
            None => "the store has no frontier row where the replay produces one".into(),
        };
        self.note(frontier, what);
    }

    /// After the last row of the replay: the store must hold no other. Returns the first difference.
    pub fn finish(&mut self) -> Result<(), Mismatch> {
        if let Some(((frontier, _), _)) = self.stored.pop_first() {
            self.note(frontier, "the store has a frontier row that the replay does not produce".into());
        }
        self.result()
    }

    /// The first difference, if there is one.
    pub fn result(&self) -> Result<(), Mismatch> {
        self.first.clone().map_or(Ok(()), Err)
    }

    fn note(&mut self, frontier: Time, what: String) {
        let agree = self.agree;
        self.first.get_or_insert_with(|| Mismatch::Frontier { agree, at: rfc3339(frontier), what });
    }
}

/// `1 frontier matches`, `2 frontiers match`.
pub fn matching(count: u64) -> String {
    if count == 1 { "1 frontier matches".to_owned() } else { format!("{count} frontiers match") }
}

fn difference(theirs: &FrontierRow, ours: &FrontierRow) -> String {
    let (digest, rows) = (theirs.digest, theirs.rows);
    format!("the store has digest {digest} over {rows} rows, the replay {} over {}", ours.digest, ours.rows)
}
