//! Collects the records of all inputs: into the sorter, with a first look at each input and a hash of its content.

use std::collections::HashMap;

use dataflows::log::control::ImportContent;
use dataflows::log::reject::Reason;
use dataflows::progress::time::MAX_AHEAD_TRADE_MS;
use serde::Deserialize;
use serde_json::value::RawValue;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::ImportError;
use super::look::Look;
use super::options::ReadOptions;
use super::shape::Shape;
use super::sorter::{Sorted, Sorter};

/// Earliest trade of a symbol.
#[derive(Clone, Copy, Debug)]
pub struct First {
    /// Its event time.
    pub ms: u64,
    /// Index of its input.
    pub input: usize,
}

/// All inputs, read.
#[derive(Debug)]
pub struct Collected {
    /// The records, by event time.
    pub sorted: Sorted,
    /// A look at each input.
    pub looks: Vec<Look>,
    /// Earliest trade of each symbol.
    pub firsts: HashMap<String, First>,
    /// The content as a whole; `None` without a trade.
    pub content: Option<ImportContent>,
}

/// Collects the records of one input after the other.
pub struct Collector {
    sorter: Sorter,
    keep_order: bool,
    shape: Shape,
    looks: Vec<Look>,
    firsts: HashMap<String, First>,
    hashes: Vec<u128>,
    // Of the input at hand:
    look: Look,
    symbols: HashMap<String, u64>,
    hash: Xxh3,
    /// Time of the last trade.
    time: Option<u64>,
    /// Number of records before the first trade.
    leading: u64,
}

impl Collector {
    /// A collector that keeps this many bytes of records in memory.
    pub fn new(options: &ReadOptions, memory_bytes: usize) -> Self {
        Self {
            sorter: Sorter::new(memory_bytes),
            keep_order: options.keep_order,
            shape: Shape::new(1),
            looks: Vec::new(),
            firsts: HashMap::new(),
            hashes: Vec::new(),
            look: Look::default(),
            symbols: HashMap::new(),
            hash: Xxh3::new(),
            time: None,
            leading: 0,
        }
    }

    /// Begins an input.
    pub fn begin(&mut self, name: &str, format: String) {
        self.look = Look::new(name, format);
        self.hash.reset();
        (self.time, self.leading) = (None, 0);
    }

    /// Begins another part of the input, which need not continue the times of the one before it.
    pub fn next_part(&mut self) {
        (self.time, self.leading) = (None, 0);
    }

    /// Adds a record that is written as it is. `false` if it is not a trade: it is not added, and may be converted.
    pub fn record(&mut self, line: u64, raw: &[u8]) -> Result<bool, ImportError> {
        self.shape.read(raw);
        if self.shape.trades == 0 && self.shape.rejected > 0 {
            return Ok(false);
        }
        self.accept(line, raw, None).map(|()| true)
    }

    /// Adds a record that is written as it is, whatever it is.
    pub fn raw(&mut self, line: u64, raw: &[u8]) -> Result<(), ImportError> {
        self.shape.read(raw);
        self.accept(line, raw, None)
    }

    /// Adds a record of another shape: its canonical form if it is a trade, else the record itself.
    pub fn converted(&mut self, line: u64, raw: &[u8], converted: Result<Vec<u8>, String>) -> Result<(), ImportError> {
        let why = match converted {
            Ok(trade) => {
                self.shape.read(&trade);
                if self.shape.trades > 0 {
                    return self.accept(line, &trade, None);
                }
                self.shape.reason.map_or_else(String::new, |reason| explain(reason).to_owned())
            }
            Err(why) => why,
        };
        self.shape.read(raw);
        if self.shape.trades > 0 {
            let (input, text) = (self.look.name.clone(), super::look::shortened(raw));
            return Err(ImportError::NoTrades { input, line, why, text });
        }
        self.accept(line, raw, Some(&why))
    }

    /// Adds the record that `shape` describes.
    fn accept(&mut self, line: u64, record: &[u8], why: Option<&str>) -> Result<(), ImportError> {
        let (trades, least_ms, greatest_ms) = (self.shape.trades, self.shape.least_ms, self.shape.greatest_ms);
        if self.shape.is_progress {
            return Err(ImportError::ForeignProgress { input: self.look.name.clone(), line });
        }
        if trades > 1 && !self.keep_order && greatest_ms - least_ms > MAX_AHEAD_TRADE_MS {
            return self.split(line, record);
        }
        if self.shape.rejected > 0 {
            let reason = self.shape.reason.map_or("", explain);
            self.look.reject(self.shape.rejected, line, why.unwrap_or(reason), record);
        }
        if trades > 0 {
            self.look.add(trades, least_ms, greatest_ms);
            self.note_symbols();
            if self.time.replace(least_ms).is_none() && !self.keep_order {
                // What precedes the first trade stays beside it.
                self.sorter.set_time_of_last(self.leading, least_ms);
            }
        }
        self.leading += u64::from(self.time.is_none());
        self.look.records += 1;
        self.hash.update(record);
        self.hash.update(b"\n");
        self.sorter.push(if self.keep_order { 0 } else { self.time.unwrap_or(0) }, record)
    }

    /// Adds each trade of a frame as a record of its own: together they would be too far ahead of their neighbours.
    fn split(&mut self, line: u64, frame: &[u8]) -> Result<(), ImportError> {
        #[derive(Deserialize)]
        struct Frame<'a> {
            #[serde(borrow)]
            data: Vec<&'a RawValue>,
        }
        // The decoder has read the same frame, so it is one.
        let frame: Frame<'_> = serde_json::from_slice(frame).unwrap_or(Frame { data: Vec::new() });
        for element in frame.data {
            self.shape.read(element.get().as_bytes());
            self.accept(line, element.get().as_bytes(), None)?;
        }
        Ok(())
    }

    fn note_symbols(&mut self) {
        let first_ms = self.shape.least_ms;
        for symbol in std::iter::once(&self.shape.key).chain(&self.shape.other_symbols) {
            match self.symbols.get_mut(symbol) {
                Some(ms) => *ms = first_ms.min(*ms),
                None => drop(self.symbols.insert(symbol.clone(), first_ms)),
            }
        }
    }

    /// Ends the input. An error if it has records and no trade.
    pub fn end(&mut self) -> Result<(), ImportError> {
        let mut look = std::mem::take(&mut self.look);
        if look.trades == 0
            && let Some(first) = look.invalid_lines.first().cloned()
        {
            return Err(ImportError::NoTrades { input: look.name, line: first.line, why: first.why, text: first.text });
        }
        look.set_symbols(self.symbols.keys().collect::<Vec<_>>().into_iter());
        let input = self.looks.len();
        for (symbol, ms) in self.symbols.drain() {
            let first = self.firsts.entry(symbol).or_insert(First { ms, input });
            if ms < first.ms {
                *first = First { ms, input };
            }
        }
        if look.records > 0 {
            self.hashes.push(self.hash.digest128());
        }
        self.looks.push(look);
        Ok(())
    }

    /// Ends the collection. An error if there are records and no trade.
    pub fn finish(mut self) -> Result<Collected, ImportError> {
        // The same inputs in another order are the same content.
        self.hashes.sort_unstable();
        let bytes: Vec<u8> = self.hashes.iter().flat_map(|hash| hash.to_be_bytes()).collect();
        let with_trades = || self.looks.iter().filter_map(|look| look.span_ms);
        let content = with_trades().map(|span| span.0).min().map(|from_ms| ImportContent {
            name: name(&self.looks),
            hash: format!("{:032x}", xxh3_128(&bytes)),
            records: self.looks.iter().map(|look| look.records).sum(),
            from_ms,
            to_ms: with_trades().map(|span| span.1).max().unwrap_or(from_ms),
        });
        if content.is_none()
            && let Some(look) = self.looks.iter().find(|look| look.records > 0)
        {
            let (input, why) = (look.name.clone(), "only trades move time, and there are none".to_owned());
            return Err(ImportError::NoTrades { input, line: 1, why, text: "another record".to_owned() });
        }
        Ok(Collected { sorted: self.sorter.finish(), looks: self.looks, firsts: self.firsts, content })
    }
}

/// The first input's name, and the number of the others.
fn name(looks: &[Look]) -> String {
    let first = looks.first().map_or("", |look| &look.name);
    let last = first.rsplit('/').next().unwrap_or(first);
    if looks.len() > 1 { format!("{last} and {} more", looks.len() - 1) } else { last.to_owned() }
}

/// A reason as a sentence.
fn explain(reason: Reason) -> &'static str {
    match reason {
        Reason::TooLarge => "the record is larger than 1 MiB",
        Reason::BadJson => "not one JSON object",
        Reason::BadControl => "a control record with a field that is missing or invalid",
        Reason::UnknownType => "its type is unknown",
        Reason::MissingField => "s, p, t or v is missing",
        Reason::BadSymbol => "s is not a symbol: expected 1 to 128 bytes without characters that cannot be seen",
        Reason::BadPrice => "p is not a number",
        Reason::BadVolume => "v is not a number",
        Reason::BadTime => "t is not an integer of milliseconds",
        Reason::BadConditions => "c is not a list of texts",
        Reason::OutOfRange => "a price, volume or time is out of range",
        Reason::SchemaBytes => "the record begins with the header of a schema registry; expected plain JSON",
        Reason::BeyondAllowedLateness
        | Reason::TooFarAhead
        | Reason::Tombstone
        | Reason::MoreRejected
        | Reason::TooManySymbols => reason.name(),
    }
}
