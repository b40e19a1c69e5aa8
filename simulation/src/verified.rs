//! What `tickline verify --rows` says of the store of a run, and of one in which somebody has changed something.

use std::path::Path;

use tickline::command::verify::{Compared, verify};
use tickline::store::sqlite::{SqliteReader, SqliteStore};
use tickline::store::{DurableFrontier, RowBatch, Store as _, Verification};

use crate::store::{Contents, Table};
use crate::support::updates::Keyed;
use crate::world::World;

/// Price, volume or time by which a changed value differs: far enough for a double to differ, too.
const CHANGE: i128 = 7_000_000_000_000_000_000;

/// Compares what a store holds with what the log of a world makes. The rows are put into a SQLite file, so that they
/// are compared as readers see them.
pub fn verify_rows(world: &World<'_>, contents: &Contents, file: &Path) -> anyhow::Result<()> {
    let mut store = SqliteStore::open(file)?;
    let (epoch, _) = store.open_epoch()?;
    if let Some(identity) = &contents.identity {
        store.put_identity(epoch, identity)?;
    }
    store.write(&RowBatch {
        candles: contents.candles.values().cloned().collect(),
        indicators: contents.indicators.values().cloned().collect(),
        rejected: contents.rejected.values().cloned().collect(),
        gaps: contents.gaps.values().cloned().collect(),
    })?;
    if let Some(published) = &contents.published {
        let kept: Vec<_> = contents.kept.values().cloned().collect();
        store.commit_frontier(&DurableFrontier { epoch, ..published.clone() }, &kept)?;
    }
    let compared =
        Compared { log: world.open()?, settings: world.settings.clone(), workers: 1, rows: true, store: "simulated" };
    verify(&compared, &mut SqliteReader::open(file)?, &mut Verification::default())
}

/// Changes one thing in a store below its frontier, as a number decides. Returns what, if there was anything to change.
pub fn tamper(contents: &mut Contents, rng: &mut fastrand::Rng) -> Option<&'static str> {
    let frontier = contents.complete();
    match rng.u8(0..9) {
        0 => change(&mut contents.candles, frontier, rng, |row| row.close += CHANGE).map(|()| "the close of a candle"),
        1 => change(&mut contents.candles, frontier, rng, |row| row.trades += 1).map(|()| "the trades of a candle"),
        2 => remove(&mut contents.candles, frontier, rng).map(|()| "a candle is gone"),
        3 => {
            let changed = change(&mut contents.indicators, frontier, rng, |row| row.values.close_sums[0] += CHANGE);
            changed.map(|()| "an average")
        }
        4 => remove(&mut contents.indicators, frontier, rng).map(|()| "indicators are gone"),
        5 => remove(&mut contents.rejected, frontier, rng).map(|()| "a rejected record is gone"),
        6 => change(&mut contents.gaps, frontier, rng, |row| row.to_ms += 1).map(|()| "the end of a gap"),
        7 => {
            let minute = *pick(contents.kept.keys(), rng)?;
            contents.kept.remove(&minute).map(|_| "the row of a minute is gone")
        }
        _ => {
            let minute = *pick(contents.kept.keys(), rng)?;
            contents.kept.get_mut(&minute)?.rows += 1;
            Some("the row of a minute")
        }
    }
}

/// One that the frontier covers.
fn covered<R: Keyed>(table: &Table<R>, frontier: u64, rng: &mut fastrand::Rng) -> Option<R::Key> {
    pick(table.iter().filter(|(_, row)| row.as_of() < frontier), rng).map(|(key, _)| key.clone())
}

fn change<R: Keyed>(
    table: &mut Table<R>,
    frontier: u64,
    rng: &mut fastrand::Rng,
    how: impl FnOnce(&mut R),
) -> Option<()> {
    let key = covered(table, frontier, rng)?;
    table.get_mut(&key).map(how)
}

fn remove<R: Keyed>(table: &mut Table<R>, frontier: u64, rng: &mut fastrand::Rng) -> Option<()> {
    let key = covered(table, frontier, rng)?;
    table.remove(&key).map(drop)
}

fn pick<T>(items: impl Iterator<Item = T>, rng: &mut fastrand::Rng) -> Option<T> {
    let mut items: Vec<T> = items.collect();
    (!items.is_empty()).then(|| items.swap_remove(rng.usize(0..items.len())))
}
