//! The symbol table: reference data of each symbol. It affects no candle.
//!
//! An [`Entry`] is one record of the symbol log, keyed by its symbol: the whole entry, absolute, so that of one
//! symbol only the newest record counts and a compacted topic holds the whole table. [`super::upserts`] makes
//! a differential collection of them.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::name_policy;
use crate::symbols::symbol::Symbol;

/// Maximum length of a symbol record, in bytes.
pub const ENTRY_BYTES_MAX: usize = 16 << 10;

/// Which part of Finnhub's offer a symbol belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Market {
    /// A stock, fund or receipt on a stock exchange.
    Stock,
    /// A pair on a crypto exchange.
    Crypto,
    /// A pair at a forex broker.
    Forex,
}

/// Listing status of a symbol. Finnhub has no such field: it lists a symbol or it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// In the last full list of its exchange.
    Listed,
    /// Vanished from the full list of its exchange.
    Delisted,
    /// Vanished, and its FIGI is under a new symbol of the same exchange.
    Renamed,
    /// Removed from the symbol table by its operator. The entry stays as this explicit state, which readers skip.
    Withdrawn,
}

impl Market {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Stock, Self::Crypto, Self::Forex];

    /// Its name in records, tables and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Crypto => "crypto",
            Self::Forex => "forex",
        }
    }

    /// The market of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|market| market.name() == name)
    }
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Listed, Self::Delisted, Self::Renamed, Self::Withdrawn];

    /// Its name in records, tables and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Delisted => "delisted",
            Self::Renamed => "renamed",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The status of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// Reference data of one symbol. Unknown fields are empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// The symbol, as the feed spells it.
    pub symbol: CompactString,
    /// The display symbol.
    #[serde(default)]
    pub display_symbol: CompactString,
    /// Name of the company, fund or pair.
    #[serde(default)]
    pub name: CompactString,
    /// Stock, crypto or forex.
    pub market: Market,
    /// Finnhub's code of the exchange, such as `US` or `BINANCE`.
    #[serde(default)]
    pub exchange: CompactString,
    /// Market identifier code, ISO 10383.
    #[serde(default)]
    pub mic: CompactString,
    /// Currency of its prices.
    #[serde(default)]
    pub currency: CompactString,
    /// Kind of security in OpenFIGI's words.
    #[serde(default)]
    pub security_type: CompactString,
    /// Financial Instrument Global Identifier.
    #[serde(default)]
    pub figi: CompactString,
    /// ISO 6166.
    #[serde(default)]
    pub isin: CompactString,
    /// Its listing status.
    pub status: Status,
    /// The new symbol of a renamed one.
    #[serde(default)]
    pub renamed_to: CompactString,
    /// The UTC day of the first sync that saw it, in Unix milliseconds.
    pub first_seen_ms: u64,
    /// The UTC day of the last sync that saw it, in Unix milliseconds.
    pub last_seen_ms: u64,
    /// The moment of the sync that changed it last, in Unix milliseconds. Grows with each change of the entry.
    pub as_of_ms: u64,
}

/// An entry as a record of the log.
#[derive(Serialize, Deserialize)]
struct Record<E> {
    #[serde(rename = "type")]
    kind: RecordType,
    #[serde(flatten)]
    entry: E,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RecordType {
    Symbol,
}

impl Entry {
    /// The record: `{"type":"symbol","symbol":...}`.
    pub fn encode(&self) -> Result<Vec<u8>, String> {
        let record = Record { kind: RecordType::Symbol, entry: self };
        serde_json::to_vec(&record).map_err(|error| error.to_string())
    }

    /// Decodes a record, or returns what is wrong with it.
    pub fn decode(record: &[u8]) -> Result<Self, String> {
        if record.len() > ENTRY_BYTES_MAX {
            return Err(format!("it has {} bytes, at most {ENTRY_BYTES_MAX} are taken", record.len()));
        }
        let Record { entry, kind: RecordType::Symbol }: Record<Self> =
            serde_json::from_slice(record).map_err(|error| error.to_string())?;
        name_policy::check(&entry.symbol).map_err(|why| format!("invalid symbol {:?}: {why}", entry.symbol))?;
        match Symbol::new(&entry.symbol) {
            Some(_) => Ok(entry),
            None => Err(format!("invalid symbol {:?}", entry.symbol)),
        }
    }
}
