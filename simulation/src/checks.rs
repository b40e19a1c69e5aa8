//! What must hold after every turn, and at the end: compared with the oracle, which reads the log by itself.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use dataflows::output::frontier_row::FrontierRow;
use dataflows::progress::time::Time;

use crate::oracle::{self, Oracle};
use crate::store::{Contents, Table};
use crate::support::updates::Keyed;

/// What is expected of a log.
pub struct Checks {
    oracle: Oracle,
    /// The frontier when all of it is read.
    pub last: Time,
    /// What the store held when the log lost records that had been read, and no frontier said that it was complete: the
    /// rows of those records stay, since no start can know of them. `verify --rows` finds them.
    orphans: Contents,
    /// Earlier answers of the oracle.
    rows: RefCell<BTreeMap<Time, Rc<FrontierRow>>>,
}

impl Checks {
    /// Works out what the whole log makes.
    pub fn new(settings: &oracle::Settings, log: &oracle::Log) -> Self {
        let oracle = Oracle::new(settings, log);
        Self { last: oracle.final_frontier(), oracle, orphans: Contents::default(), rows: RefCell::default() }
    }

    /// The log has lost records that were read, and is now this one. Rows of them are in these stores.
    pub fn cut(&mut self, settings: &oracle::Settings, log: &oracle::Log, stores: &[&Contents]) {
        let mut orphans = std::mem::take(&mut self.orphans);
        for store in stores {
            let complete = store.complete();
            adopt(&mut orphans.candles, &store.candles, complete);
            adopt(&mut orphans.indicators, &store.indicators, complete);
            adopt(&mut orphans.rejected, &store.rejected, complete);
            adopt(&mut orphans.gaps, &store.gaps, complete);
            orphans.kept.extend(store.kept.range(complete + 1..).map(|(minute, row)| (*minute, row.clone())));
        }
        *self = Self { orphans, ..Self::new(settings, log) };
    }

    /// The frontier row as of a frontier.
    pub fn row(&self, frontier: Time) -> Rc<FrontierRow> {
        Rc::clone(self.rows.borrow_mut().entry(frontier).or_insert_with(|| Rc::new(self.oracle.frontier_row(frontier))))
    }

    /// What the store says is what the log makes, and nothing is missing that it says is there.
    pub fn check(&self, contents: &Contents) -> Result<(), String> {
        let Some(published) = &contents.published else { return Ok(()) };
        let frontier = published.row.frontier;
        same("the published row", &published.row, &self.row(frontier))?;
        has("a candle", (&contents.candles, &self.orphans.candles), self.oracle.candle_rows(frontier), frontier)?;
        has(
            "an indicator",
            (&contents.indicators, &self.orphans.indicators),
            self.oracle.indicator_rows(frontier),
            frontier,
        )?;
        has(
            "a rejected record",
            (&contents.rejected, &self.orphans.rejected),
            self.oracle.rejected_rows(frontier),
            frontier,
        )?;
        has("a gap", (&contents.gaps, &self.orphans.gaps), self.oracle.gap_rows(frontier), frontier)
    }

    /// All is read: the store holds what the log makes, and nothing else.
    pub fn check_end(&self, contents: &Contents) -> Result<(), String> {
        let reached = contents.complete();
        if reached != self.last {
            return Err(format!("it waits for ever at {reached}: the log is complete up to {}", self.last));
        }
        self.check(contents)?;
        only("candles", (&contents.candles, &self.orphans.candles), self.oracle.candle_rows(reached))?;
        only("indicators", (&contents.indicators, &self.orphans.indicators), self.oracle.indicator_rows(reached))?;
        only("rejected records", (&contents.rejected, &self.orphans.rejected), self.oracle.rejected_rows(reached))?;
        only("gaps", (&contents.gaps, &self.orphans.gaps), self.oracle.gap_rows(reached))?;
        let minutes = self.oracle.minutes().into_iter().filter(|&minute| minute <= reached);
        let minutes: Vec<FrontierRow> = minutes.map(|minute| self.row(minute).as_ref().clone()).collect();
        let is_orphan = |row: &FrontierRow| self.orphans.kept.get(&row.frontier) == Some(row) && !minutes.contains(row);
        let kept = contents.kept.values().filter(|row| !is_orphan(row)).cloned().collect();
        same("the rows of the minutes", &kept, &minutes)
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: &T, must_be: &T) -> Result<(), String> {
    if is == must_be { Ok(()) } else { Err(format!("{what} is {is:?}, and must be {must_be:?}")) }
}

/// Every row is there, or one that replaces it after the frontier.
fn has<R: Keyed>(
    what: &str,
    (table, orphans): (&Table<R>, &Table<R>),
    rows: Vec<R>,
    frontier: Time,
) -> Result<(), String> {
    for row in rows {
        match table.get(&row.key()) {
            Some(stored) if *stored == row || stored.as_of() >= frontier => {}
            Some(stored) if orphans.get(&row.key()) == Some(stored) => {}
            stored => return Err(format!("{what} is {stored:?} as of {frontier}, and must be {row:?}")),
        }
    }
    Ok(())
}

fn only<R: Keyed>(what: &str, (table, orphans): (&Table<R>, &Table<R>), rows: Vec<R>) -> Result<(), String> {
    let expected: Table<R> = rows.into_iter().map(|row| (row.key(), row)).collect();
    if *table == expected {
        return Ok(());
    }
    let is_wrong = |(key, row): &(&R::Key, &R)| expected.get(*key) != Some(*row) && orphans.get(*key) != Some(*row);
    let Some(wrong) = table.iter().find(is_wrong) else { return Ok(()) };
    let right = expected.get(wrong.0);
    Err(format!("of the {what} in the store this one is wrong: {wrong:?}, and must be {right:?}"))
}

/// Adds the rows that no frontier covers.
fn adopt<R: Keyed>(orphans: &mut Table<R>, table: &Table<R>, complete: Time) {
    let rows = table.iter().filter(|(_, row)| row.as_of() >= complete);
    orphans.extend(rows.map(|(key, row)| (key.clone(), row.clone())));
}
