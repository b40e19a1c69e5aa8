//! A log as a list of small steps, which shrink well, and how the steps become records.

use crate::oracle::{Conditions, Log, Record, Settings};

/// Symbols of generated logs; nothing may be read into them. The last is as long as one can be.
pub const SYMBOLS: [&str; 6] =
    ["BINANCE:BTCUSDT", "AAPL", "IC MARKETS:1", "BITS:\u{e4}\u{1f980}\\\"", "KRAKEN:XETHZUSD", LONGEST];
const LONGEST: &str = concat!(
    "0123456789012345678901234567890123456789012345678901234567890123",
    "0123456789012345678901234567890123456789012345678901234567890123"
);
/// Symbols that begin so have conditions of the kind `bits` in generated settings.
pub const BITS_PREFIX: &str = "BITS:";
const SOURCES: [&str; 4] = ["ingest-0", "b", "quelle \u{fc}", "x\\\"y"];

/// A log to be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Number of partitions.
    pub partitions: usize,
    /// Time of the first step.
    pub start_ms: i64,
    /// Records carry the time of their step.
    pub timestamps: bool,
    /// Offsets have gaps.
    pub gaps: bool,
    /// What happens.
    pub steps: Vec<Step>,
}

/// One thing that happens. Partition and source are taken modulo how many there are.
#[derive(Clone, Debug)]
pub enum Step {
    /// Time goes on.
    Wait(i64),
    /// A trade in a record of its own.
    Trade(usize, TradeStep),
    /// A frame of several.
    Frame(usize, Vec<Element>),
    /// Progress up to (now − lag), in one partition or in all.
    Progress { partition: Option<usize>, source: usize, lag_ms: i64 },
    /// A source leaves a partition.
    Bye(usize, usize),
    /// A source reports a gap.
    Gap(usize, usize),
    /// The last record of a partition once more.
    Repeat(usize),
    /// A record without a value.
    Tombstone(usize),
    /// Any bytes; in texts `@` stands for the time now.
    Raw(usize, Vec<u8>),
}

/// Contents of a frame.
#[derive(Clone, Debug)]
pub enum Element {
    /// A trade.
    Trade(TradeStep),
    /// Any JSON text; `@` stands for the time now.
    Text(String),
}

/// A trade that is well formed.
#[derive(Clone, Debug)]
pub struct TradeStep {
    /// Which of [`SYMBOLS`].
    pub symbol: usize,
    /// How old it is; below 0 it comes from the future.
    pub age_ms: i64,
    /// JSON number.
    pub price: String,
    /// JSON number.
    pub volume: String,
    /// JSON value, or no member at all.
    pub conditions: Option<String>,
    /// How it is written.
    pub style: Style,
    /// Members that name it, with a comma after each: maybe none.
    pub id: String,
}

/// Ways to write the same trade.
#[derive(Clone, Copy, Debug)]
pub enum Style {
    /// As Finnhub does.
    Plain,
    /// Other order, white space.
    Spaced,
    /// Unknown members, before and after.
    Unknown,
    /// Each key twice, first with an invalid value.
    Twice,
    /// Keys and symbol written with escapes.
    Escaped,
}

impl Plan {
    /// The records.
    pub fn log(&self) -> Log {
        let mut log: Log = vec![Vec::new(); self.partitions];
        let mut now_ms = self.start_ms;
        for step in &self.steps {
            if let Step::Wait(ms) = step {
                now_ms += ms;
            }
            for (partition, bytes) in self.records(step, now_ms, &log) {
                let is_tombstone = bytes.is_none();
                let bytes = bytes.unwrap_or_default();
                let records = &mut log[partition];
                // A gap now and then, the same for the same plan.
                let skip = u64::from(self.gaps && records.len() % 5 == 2) * 7;
                let offset = records.last().map_or(skip, |last| last.offset + 1 + skip);
                let timestamp_ms = self.timestamps.then_some(now_ms);
                records.push(Record { offset, bytes, is_tombstone, timestamp_ms });
            }
        }
        log
    }

    fn records(&self, step: &Step, now_ms: i64, log: &Log) -> Vec<(usize, Option<Vec<u8>>)> {
        let one = |partition: &usize, text: String| vec![(partition % self.partitions, Some(text.into_bytes()))];
        match step {
            Step::Wait(_) => vec![],
            Step::Trade(partition, trade) => one(partition, trade.json(now_ms)),
            Step::Frame(partition, elements) => {
                let texts: Vec<String> = elements.iter().map(|e| e.json(now_ms)).collect();
                one(partition, format!(r#"{{"data":[{}],"type":"trade"}}"#, texts.join(",")))
            }
            Step::Progress { partition, source, lag_ms } => {
                let event_ms = now_ms - lag_ms;
                let text = format!(r#"{{"type":"progress","source":{},"event_ms":{event_ms}}}"#, source_json(*source));
                let all = 0..self.partitions;
                let these = partition.map_or(all, |p| p % self.partitions..p % self.partitions + 1);
                these.map(|p| (p, Some(text.clone().into_bytes()))).collect()
            }
            Step::Bye(partition, source) => {
                one(partition, format!(r#"{{"source":{},"type":"bye"}}"#, source_json(*source)))
            }
            Step::Gap(partition, source) => {
                let source = source_json(*source);
                let from_ms = now_ms - 5_000;
                let text = format!(r#""source":{source},"from_ms":{from_ms},"to_ms":{now_ms},"cause":"closed""#);
                one(partition, format!(r#"{{"type":"gap",{text}}}"#))
            }
            Step::Repeat(partition) => {
                let partition = partition % self.partitions;
                let again = |last: &Record| (partition, (!last.is_tombstone).then(|| last.bytes.clone()));
                log[partition].last().map(again).into_iter().collect()
            }
            Step::Tombstone(partition) => vec![(partition % self.partitions, None)],
            Step::Raw(partition, bytes) => {
                let bytes = match std::str::from_utf8(bytes) {
                    Ok(text) => text.replace('@', &now_ms.to_string()).into_bytes(),
                    Err(_) => bytes.clone(),
                };
                vec![(partition % self.partitions, Some(bytes))]
            }
        }
    }
}

impl Element {
    fn json(&self, now_ms: i64) -> String {
        match self {
            Self::Trade(trade) => trade.json(now_ms),
            Self::Text(text) => text.replace('@', &now_ms.to_string()),
        }
    }
}

impl TradeStep {
    fn json(&self, now_ms: i64) -> String {
        let name = SYMBOLS[self.symbol % SYMBOLS.len()];
        let s = serde_json::to_string(name).unwrap();
        let t = now_ms - self.age_ms;
        let (p, v, id) = (&self.price, &self.volume, &self.id);
        let c = |form: &str| self.conditions.as_ref().map_or(String::new(), |c| form.replace('#', c));
        match self.style {
            Style::Plain => format!(r#"{{{}{id}"p":{p},"s":{s},"t":{t},"v":{v}}}"#, c(r##""c":#,"##)),
            Style::Spaced => {
                format!("\t{{ \"v\" : {v} ,\"t\":{t}, {id} \"p\":{p}  ,{}\"s\" :\t{s} }} ", c("\"c\" : # , "))
            }
            Style::Unknown => {
                let before = r#""id":{"p":0,"x":["\"",{}]},"S":null"#;
                format!(r#"{{{before},"p":{p},"s":{s},{id}"t":{t},{}"v":{v},"pp":"}}","":1e999}}"#, c(r##""c":#,"##))
            }
            Style::Twice => {
                let before = r#""s":7,"p":"1","v":[],"t":1.5,"c":{}"#;
                // Conditions must come again too, or the bad ones would count.
                let c = self.conditions.as_deref().unwrap_or("null");
                format!(r#"{{{before},"c":{c},"t":{t},"v":{v},{id}"p":{p},"s":{s}}}"#)
            }
            Style::Escaped => {
                let s: String = name.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
                format!(r#"{{{}{id}"\u0070":{p},"\u0073":"{s}","t":{t},"\u0076":{v}}}"#, c(r##""\u0063":#,"##))
            }
        }
    }
}

fn source_json(source: usize) -> String {
    serde_json::to_string(SOURCES[source % SOURCES.len()]).unwrap()
}

/// Settings of generated logs, in which corrections and folding are frequent.
pub fn settings(
    step_ms: u64,
    allowed_lateness_ms: u64,
    max_ahead_trade_ms: u64,
    max_out_of_orderness_ms: Option<u64>,
    dedup: bool,
) -> Settings {
    let conditions = Conditions::with_lean_bits(BITS_PREFIX);
    Settings {
        step_ms,
        allowed_lateness_ms,
        max_ahead_trade_ms,
        max_out_of_orderness_ms,
        conditions,
        dedup,
        ..Settings::default()
    }
}
