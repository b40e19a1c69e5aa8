//! Random logs of which is known what must become of each record: the rules of docs/definitions.md once more, for one
//! source per partition. Prices are quarters and volumes integers, so that every sum is exact in a double.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use rand::{Rng, RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// 2024-01-02T14:30:00Z.
pub const T0: u64 = 1_704_205_800_000;
pub const STEP_MS: u64 = 1_000;
pub const LATENESS_MS: u64 = 20_000;
pub const MAX_AHEAD_MS: u64 = 90_000;
pub const SYMBOLS_MAX: usize = 3;
/// Without an exchange, so that the built-in conditions hold.
pub const SYMBOLS: [&str; 4] = ["AA", "BB", "CC", "DD"];

/// What must become of a trade.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fate {
    /// It counts at a time step.
    Counts { at: u64, late: bool },
    /// It is left out for a reason, at a time step.
    Out { reason: &'static str, at: u64 },
}

/// What a trade may set: (open and close, high and low, volume).
pub type Sets = (bool, bool, bool);

/// A trade, or what is wrong with one, as it was written.
#[derive(Clone, Debug)]
pub struct Written {
    pub partition: u32,
    pub offset: u64,
    pub index: u32,
    pub symbol: &'static str,
    pub event_ms: u64,
    pub quarters: i64,
    pub volume: u64,
    pub sets: Sets,
    pub fate: Fate,
}

/// A random log, by partition: its lines, and what they must lead to.
#[derive(Default)]
pub struct World {
    pub lines: Vec<Vec<String>>,
    /// Number of lines up to the end of each part, by partition.
    pub ends: Vec<Vec<usize>>,
    pub written: Vec<Written>,
    /// Offsets, by partition, of parts of which no symbol or time can be read.
    pub unreadable: Vec<(u32, u64)>,
}

/// One partition while it is written.
struct Partition {
    number: u32,
    random: ChaCha8Rng,
    /// Distance between two progress records, at most.
    pace_ms: u64,
    /// Progress of its source.
    frontier: Option<u64>,
    /// Around which time trades are made.
    now: u64,
    symbols: BTreeSet<&'static str>,
    ids: BTreeMap<(&'static str, u64), u64>,
    /// Those that wait for the first progress.
    early: Vec<(usize, Option<u64>)>,
    lines: Vec<String>,
}

const fn step(ms: u64) -> u64 {
    ms - ms % STEP_MS
}

impl World {
    /// Partitions of which each part has this number of records, and progress at its end that all partitions share:
    /// after the first part, the third and so on it is past every trade. Before, a source progresses by at most
    /// `pace_ms` at once.
    pub fn new(seed: u64, partitions: u32, (parts, records): (usize, usize), pace_ms: u64) -> Self {
        let mut world = Self::default();
        let partition = |number: u32| Partition {
            number,
            random: ChaCha8Rng::seed_from_u64(seed * 1_000 + u64::from(number)),
            pace_ms,
            frontier: None,
            now: T0,
            symbols: BTreeSet::new(),
            ids: BTreeMap::new(),
            early: Vec::new(),
            lines: Vec::new(),
        };
        let mut partitions: Vec<_> = (0..partitions).map(partition).collect();
        for part in 0..parts {
            for partition in &mut partitions {
                (0..records).for_each(|_| partition.record(&mut world));
            }
            let passes = if part % 2 == 0 && parts > 1 { 3 * MAX_AHEAD_MS } else { 30_000 };
            let to = partitions.iter().map(|partition| partition.now).max().unwrap() + passes;
            partitions.iter_mut().for_each(|partition| partition.progress(to, &mut world));
            world.ends.push(partitions.iter().map(|partition| partition.lines.len()).collect());
        }
        world.lines = partitions.into_iter().map(|partition| partition.lines).collect();
        world
    }
}

impl Partition {
    fn record(&mut self, world: &mut World) {
        if self.lines.len() >= 4 && self.random.random_ratio(1, 5) {
            let to = self.now + self.random.random_range(0..self.pace_ms);
            return self.progress(to, world);
        }
        match self.random.random_range(0..20) {
            0 => {
                world.unreadable.push((self.number, self.lines.len() as u64));
                self.lines.push(
                    ["not JSON", r#"{"p":1,"t":1704205800000,"v":1}"#, r#"{"s":"AA","p":1,"v":1,"t":1.5}"#]
                        [self.random.random_range(0..3)]
                    .to_owned(),
                );
            }
            1..8 => {
                let elements = self.random.random_range(1..5);
                let data: Vec<_> = (0..elements).map(|index| self.trade(index, world)).collect();
                self.lines.push(format!(r#"{{"type":"trade","data":[{}]}}"#, data.join(",")));
            }
            _ => {
                let line = self.trade(0, world);
                self.lines.push(line);
            }
        }
    }

    fn progress(&mut self, to: u64, world: &mut World) {
        self.lines.push(format!(r#"{{"type":"progress","source":"p{}","event_ms":{to}}}"#, self.number));
        self.now = to;
        let is_first = self.frontier.is_none();
        self.frontier = self.frontier.max(Some(to));
        for (at, id) in std::mem::take(&mut self.early) {
            assert!(is_first);
            let trade = world.written[at].clone();
            let fate = if trade.event_ms > to + MAX_AHEAD_MS {
                Fate::Out { reason: "too_far_ahead", at: step(to) }
            } else {
                self.accept(&trade, id, None, step(to))
            };
            world.written[at].fate = fate;
        }
    }

    /// Writes a trade, good or bad, and notes what must become of it.
    fn trade(&mut self, index: u32, world: &mut World) -> String {
        let random = &mut self.random;
        let distance = match random.random_range(0..20) {
            0 => -random.random_range(0..2 * LATENESS_MS as i64),
            1..4 => -random.random_range(0..LATENESS_MS as i64),
            4 => random.random_range(0..2 * MAX_AHEAD_MS as i64),
            _ => random.random_range(0..3_000),
        };
        let event_ms = self.now.saturating_add_signed(distance);
        let symbol = SYMBOLS[if random.random_ratio(1, 60) { 3 } else { random.random_range(0..3) }];
        let (quarters, volume) = (random.random_range(-40..400), random.random_range(0..6_u64).saturating_sub(1));
        let (code, mut sets) = conditions(random);
        let id = random.random_ratio(1, 3).then(|| random.random_range(0..40));
        if volume == 0 {
            sets.2 = false;
        }
        let mut bad = None;
        let (mut price, mut amount) = (format!("{}", quarters as f64 / 4.0), volume.to_string());
        let mut codes = code.map_or_else(|| "null".to_owned(), |code| format!(r#"["{code}","41"]"#));
        if random.random_ratio(1, 25) {
            let (field, text, reason) = [
                (0, "\"x\"", "bad_price"),
                (0, "1e13", "out_of_range"),
                (1, "\"1\"", "bad_volume"),
                (1, "-1", "out_of_range"),
                (2, "7", "bad_conditions"),
            ][random.random_range(0..5)];
            *[&mut price, &mut amount, &mut codes][field] = text.to_owned();
            bad = Some(reason);
        }
        let mut line = format!(r#"{{"s":"{symbol}","p":{price},"v":{amount},"t":{event_ms},"c":{codes}"#);
        if let Some(id) = id {
            let _ = write!(line, r#","id":{id}"#);
        }
        let (partition, offset, fate) = (self.number, self.lines.len() as u64, Fate::Out { reason: "?", at: 0 });
        world.written.push(Written { partition, offset, index, symbol, event_ms, quarters, volume, sets, fate });
        let at = world.written.len() - 1;
        let trade = world.written[at].clone();
        let now = self.frontier.map_or(0, step);
        let fate = match (bad, self.frontier) {
            (Some(reason), _) => Fate::Out { reason, at: now },
            (None, None) => {
                self.early.push((at, id));
                return line + "}";
            }
            (None, Some(frontier)) if event_ms + LATENESS_MS < frontier => {
                Fate::Out { reason: "beyond_allowed_lateness", at: now }
            }
            (None, Some(frontier)) if event_ms > frontier + MAX_AHEAD_MS => {
                Fate::Out { reason: "too_far_ahead", at: now }
            }
            (None, frontier) => self.accept(&trade, id, frontier, now),
        };
        world.written[at].fate = fate;
        line + "}"
    }

    fn accept(&mut self, trade: &Written, id: Option<u64>, frontier: Option<u64>, now: u64) -> Fate {
        let Written { symbol, event_ms, sets, .. } = *trade;
        if !self.symbols.contains(symbol) && self.symbols.len() >= SYMBOLS_MAX {
            return Fate::Out { reason: "too_many_symbols", at: now };
        }
        if let Some(id) = id {
            let least = step(frontier.unwrap_or(0).saturating_sub(LATENESS_MS));
            if self.ids.get(&(symbol, id)).is_some_and(|last| step(*last) >= least) {
                return Fate::Out { reason: "duplicate", at: now };
            }
            self.ids.insert((symbol, id), event_ms);
        }
        self.symbols.insert(symbol);
        let at = step(event_ms.max(frontier.unwrap_or(0)));
        if sets == (false, false, false) {
            return Fate::Out { reason: "excluded", at };
        }
        Fate::Counts { at, late: step(event_ms) < step(frontier.unwrap_or(0)) }
    }
}

/// A code, and what it leaves.
fn conditions(random: &mut impl Rng) -> (Option<&'static str>, Sets) {
    match random.random_range(0..12) {
        0 => (Some("16"), (false, false, false)),
        1 => (Some("12"), (false, false, true)),
        2 => (Some("9"), (false, true, true)),
        3 => (Some("20"), (false, true, false)),
        4 => (Some("1"), (true, true, true)),
        _ => (None, (true, true, true)),
    }
}
