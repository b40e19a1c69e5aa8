//! Rows as of an earlier time: those that a store showed then, whatever was corrected later.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use dataflows::log::batch::RecordBatch;
use dataflows::output::row::{CandleRow, IndicatorRow};
use dataflows::progress::time::{Resolution, Time};
use dataflows::symbols::symbol::Symbol;
use dataflows::testing::{Outcome, Plan, run};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tickline::as_of::{AsOf, Recomputed, Recomputing, RowsThen, Wanted};
use tickline::replay::Origin;
use tickline::store::address::StoreAddress;
use tickline::store::{Range, StoreReader, StoredCandle, StoredIndicators};
use tickline::worker::{self, Watch, WorkerConfig};

use crate::shared::process::{Home, wait_for};
use crate::shared::raw_log::log_of;

mod command;
pub mod market;

use market::{END_MS, START_MS, SYMBOLS, lines, log, settings};

/// Times at which rows are compared.
const TIMES: usize = 200;
/// Threads that compare them: a replay waits more than it works.
const THREADS: usize = 8;
/// Times at which they are compared with a store that a replay has written up to then.
const STORES: usize = 4;

const ALL: Range = Range { from_ms: 0, to_ms: u64::MAX, limit: usize::MAX };

/// A market in a directory log, and a store of it that some runs have made, each of which left a checkpoint.
pub fn made() -> Home {
    let [one, two, three] = lines();
    let home = log_of([&one, &two, &three]);
    for part in 1..=6 {
        let until = Some(START_MS + (END_MS - START_MS) * part / 6).filter(|_| part < 6);
        let config = WorkerConfig {
            until_end: true,
            until,
            anchor_every: std::time::Duration::from_secs(600),
            ..WorkerConfig::new(3, settings())
        };
        // The thread of the run before may not have closed it yet.
        let store = wait_for("the store", || StoreAddress::Sqlite(home.path("rows.db")).open_writer().ok());
        worker::run(config, Arc::from(log(&home)), store, None, Arc::new(Watch::default())).unwrap();
    }
    home
}

/// Every version of every row, by a run in so small steps that none is left out.
fn history() -> Outcome {
    let batch = |lines: &Vec<String>| {
        let mut batch = RecordBatch::default();
        (0..).zip(lines).for_each(|(offset, line)| batch.push(offset, line.as_bytes(), None));
        batch
    };
    let log = Arc::new(lines().iter().map(batch).collect());
    let plan = Plan { workers: 1, batch_records: 1, steps: 3, checkpoints: vec![], resume: None, bindings: vec![] };
    run(&settings(), &log, &plan)
}

/// The rows of one table and symbol as of a time, ascending: the last version before it.
fn last_before<'a, R: 'a, S: From<&'a R>>(
    updates: &'a [(R, Time, i64)],
    time: Time,
    window: impl Fn(&R) -> Option<u64>,
) -> Vec<S> {
    let mut last: BTreeMap<u64, (Time, &R)> = BTreeMap::new();
    for (row, at, diff) in updates {
        if let Some(window) = window(row).filter(|_| *diff > 0 && *at < time)
            && last.get(&window).is_none_or(|(before, _)| before < at)
        {
            last.insert(window, (*at, row));
        }
    }
    last.into_values().map(|(_, row)| row.into()).collect()
}

fn candles_of(history: &Outcome, symbol: &str, resolution: Resolution, time: Time) -> Vec<StoredCandle> {
    let window = |row: &CandleRow| {
        (row.symbol.as_str() == symbol && row.resolution == resolution).then_some(row.window_start_ms)
    };
    last_before(&history.candles, time, window)
}

fn indicators_of(history: &Outcome, symbol: &str, time: Time) -> Vec<StoredIndicators> {
    let window = |row: &IndicatorRow| (row.symbol.as_str() == symbol).then_some(row.window_start_ms);
    last_before(&history.indicators, time, window)
}

/// What was compared.
#[derive(Debug, Default)]
struct Compared {
    rows: usize,
    corrected: usize,
    added: usize,
}

impl Compared {
    #[track_caller]
    fn add<R: PartialEq + Debug + Clone>(&mut self, what: &str, found: RowsThen<R>, expected: &[R]) {
        self.corrected += found.rows.iter().filter(|then| then.corrected).count();
        self.added += found.added;
        self.rows += expected.len();
        let found: Vec<R> = found.rows.into_iter().map(|then| then.row).collect();
        let differs = found.iter().zip(expected).find(|(found, expected)| found != expected);
        assert!(
            differs.is_none() && found.len() == expected.len(),
            "{what}: {} {}: {differs:?}",
            found.len(),
            expected.len()
        );
    }
}

/// One symbol as of one time.
struct Then<'a> {
    reader: &'a mut dyn StoreReader,
    symbol: &'a str,
    as_of: AsOf,
    recomputed: Recomputed,
}

impl<'a> Then<'a> {
    fn new(home: &Home, reader: &'a mut dyn StoreReader, symbol: &'a str, time_ms: u64) -> Self {
        let path = home.path("log");
        let open = move || Ok(tickline::log::address::LogAddress::Dir(path.clone()).open()?);
        let origin = Origin::new(settings(), 2, open);
        let as_of = AsOf::new(reader, &origin.settings, time_ms).unwrap();
        let log = origin.open(reader).unwrap();
        let recomputing = Recomputing::find(reader, log, Symbol::new(symbol).unwrap(), as_of).unwrap();
        let recomputed = recomputing.run(&origin, &Arc::new(Watch::default())).unwrap();
        Self { reader, symbol, as_of, recomputed }
    }

    fn candles(&mut self, resolution: Resolution, range: Range) -> RowsThen<StoredCandle> {
        let wanted = Wanted { symbol: self.symbol, range, recomputed: Some(&self.recomputed) };
        self.as_of.candles(self.reader, resolution, &wanted).unwrap().unwrap()
    }

    fn indicators(&mut self, range: Range) -> RowsThen<StoredIndicators> {
        let wanted = Wanted { symbol: self.symbol, range, recomputed: Some(&self.recomputed) };
        self.as_of.indicators(self.reader, &wanted).unwrap().unwrap()
    }
}

/// Compares the rows of one symbol as of one time: all of them, the newest ones, and those of a range.
fn compare(then: &mut Then<'_>, history: &Outcome, rng: &mut ChaCha8Rng, compared: &mut Compared) {
    let (symbol, time) = (then.symbol, then.as_of.time);
    for resolution in Resolution::ALL {
        let what = format!("{symbol}, {} as of {time}", resolution.name());
        let expected = candles_of(history, symbol, resolution, time);
        compared.add(&what, then.candles(resolution, ALL), &expected);
        let limit = rng.random_range(1..50);
        let newest = &expected[expected.len().saturating_sub(limit)..];
        compared.add(&what, then.candles(resolution, Range { limit, ..ALL }), newest);
        let (from_ms, to_ms) = (time - 1_500_000, time - 300_000);
        let between = |row: &&StoredCandle| (from_ms..to_ms).contains(&row.window_start_ms);
        let some: Vec<_> = expected.iter().filter(between).cloned().collect();
        compared.add(&what, then.candles(resolution, Range { from_ms, to_ms, limit: usize::MAX }), &some);
    }
    let what = format!("indicators of {symbol} as of {time}");
    compared.add(&what, then.indicators(ALL), &indicators_of(history, symbol, time));
}

#[test]
fn rows_are_those_that_were_there() {
    let (home, history) = (made(), history());
    let (home, history) = (&home, &history);
    let part = move |seed: u64| {
        let mut reader = StoreAddress::Sqlite(home.path("rows.db")).open_reader().unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut compared = Compared::default();
        for at in 0..TIMES / THREADS {
            let time_ms = rng.random_range(START_MS + 1_000..=END_MS);
            let mut then = Then::new(home, &mut *reader, SYMBOLS[at % SYMBOLS.len()], time_ms);
            compare(&mut then, history, &mut rng, &mut compared);
        }
        compared
    };
    let mut all = Compared::default();
    std::thread::scope(|scope| {
        let parts: Vec<_> = (0..THREADS as u64).map(|seed| scope.spawn(move || part(seed))).collect();
        for part in parts {
            let Compared { rows, corrected, added } = part.join().unwrap();
            (all.rows, all.corrected, all.added) = (all.rows + rows, all.corrected + corrected, all.added + added);
        }
    });
    println!("{all:?}");
    assert!(all.rows > 50_000 && all.added > 100, "{all:?}");
    assert!(all.corrected * 20 > all.rows, "too few rows differ from those of now: {all:?}");
}

/// The history that the test above compares with is that of the program itself.
#[test]
fn rows_are_those_of_a_replay_up_to_then() {
    let home = made();
    let mut reader = StoreAddress::Sqlite(home.path("rows.db")).open_reader().unwrap();
    for at in 0..STORES {
        let time_ms = START_MS + (END_MS - START_MS) * (2 * at as u64 + 1) / (2 * STORES as u64) / 1_000 * 1_000;
        home.ok(&format!("replay --log dir:log --until {time_ms} --write-to sqlite:then-{at}.db"));
        let mut expected = StoreAddress::Sqlite(home.path(&format!("then-{at}.db"))).open_reader().unwrap();
        let mut compared = Compared::default();
        for symbol in SYMBOLS {
            let mut then = Then::new(&home, &mut *reader, symbol, time_ms);
            for resolution in Resolution::ALL {
                let rows = expected.candles(symbol, resolution, ALL).unwrap();
                compared.add(&format!("{symbol} {}", resolution.name()), then.candles(resolution, ALL), &rows);
            }
            compared.add(symbol, then.indicators(ALL), &expected.indicators(symbol, ALL).unwrap());
        }
        assert!(compared.corrected > 10 || at == STORES - 1, "{compared:?}");
    }
}
