//! What a decoder has passed on, as values that can be compared.

use dataflows::log::control::Control;
use dataflows::log::decode::{RawTrade, Visitor, general};
use dataflows::log::reject::Reason;

/// A part of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Trade(Trade),
    /// A control record, as `Debug` shows it.
    Control(String),
    Rejected {
        index: u32,
        reason: Reason,
        bytes: Vec<u8>,
    },
}

/// A trade, with its conditions as texts: the two readers may leave different white space between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trade {
    pub index: u32,
    pub symbol: String,
    pub price: i128,
    pub volume: i128,
    pub event_ms: u64,
    pub conditions: Option<Vec<String>>,
    pub rounded: bool,
    pub id: String,
    pub bytes: Vec<u8>,
}

/// The parts of a record, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parts(pub Vec<Part>);

impl Parts {
    /// The parts that a reader passes on.
    pub fn of(read: impl FnOnce(&mut Self)) -> Self {
        let mut parts = Self::default();
        read(&mut parts);
        parts
    }

    /// The trades.
    pub fn trades(&self) -> impl Iterator<Item = &Trade> {
        self.0.iter().filter_map(|part| if let Part::Trade(trade) = part { Some(trade) } else { None })
    }
}

impl Visitor for Parts {
    fn trade(&mut self, index: u32, trade: &RawTrade<'_>) {
        let RawTrade { price, volume, event_ms, rounded, .. } = *trade;
        self.0.push(Part::Trade(Trade {
            index,
            symbol: trade.symbol.to_owned(),
            price,
            volume,
            event_ms,
            conditions: general::conditions(trade.conditions),
            rounded,
            id: trade.id.to_owned(),
            bytes: trade.bytes.to_vec(),
        }));
    }

    fn control(&mut self, control: Control<'_>) {
        self.0.push(Part::Control(format!("{control:?}")));
    }

    fn reject(&mut self, index: u32, reason: Reason, bytes: &[u8]) {
        self.0.push(Part::Rejected { index, reason, bytes: bytes.to_vec() });
    }
}
