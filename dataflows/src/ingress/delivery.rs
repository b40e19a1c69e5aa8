//! Messages between workers: trades already merged by symbol, window and time step, many in one message.

use serde::{Deserialize, Serialize};

use crate::candles::candle::Candle;
use crate::progress::time::Time;
use crate::symbols::symbol::Symbol;

/// The trades of one symbol in one 5 s window that share a time step, merged.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Partial {
    /// The trades.
    pub candle: Candle,
    /// Start of the 5 s window.
    pub window_start_ms: u64,
    /// The time step at which they count.
    pub time: Time,
    /// The sender's number for the symbol.
    pub symbol: u32,
}

/// A message from one worker to another. Messages from one sender to one receiver arrive in order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Delivery {
    /// Index of the worker it is for.
    pub receiver: u32,
    /// Index of the worker it is from.
    pub sender: u32,
    /// Symbols that are new from this sender to this receiver, with the sender's numbers for them.
    pub symbols: Vec<(u32, Symbol)>,
    /// The trades.
    pub partials: Vec<Partial>,
    /// Request for a checkpoint as of this time, which no worker's frontier has reached yet.
    pub checkpoint: Option<Time>,
}

impl Delivery {
    /// Nothing to deliver.
    pub fn is_empty(&self) -> bool {
        self.symbols.is_empty() && self.partials.is_empty() && self.checkpoint.is_none()
    }
}
