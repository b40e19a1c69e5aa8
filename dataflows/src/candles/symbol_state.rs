//! State of one symbol: its candles and the history of its indicators, or both packed while it is idle; and its parts
//! in the segments of a checkpoint.

use serde::{Deserialize, Serialize};

use crate::candles::series::Series;
use crate::indicators::history::History;
use crate::progress::time::{Resolution, Time};
use crate::state::codec::{self, CodecError};
use crate::symbols::symbol::Symbol;

/// State of one symbol.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SymbolState {
    pub(crate) symbol: Symbol,
    pub(crate) series: [Series; 5],
    pub(crate) history: History,
    /// The two above, while the symbol is idle.
    #[serde(with = "serde_bytes")]
    pub(crate) packed: Option<Box<[u8]>>,
    /// The last time step with a trade.
    #[serde(skip)]
    pub(super) touched: Time,
    /// Whether the wheel holds it; a packed one is not in it.
    #[serde(skip)]
    pub(super) is_watched: bool,
}

impl SymbolState {
    /// Of a symbol that has not traded.
    pub fn new(symbol: Symbol) -> Self {
        Self {
            symbol,
            series: Default::default(),
            history: History::default(),
            packed: None,
            touched: 0,
            is_watched: false,
        }
    }

    /// Packs the candles and the history, without what no record can reach.
    pub(super) fn pack(&mut self, fixed_ms: u64) -> Result<(), CodecError> {
        for resolution in Resolution::ALL {
            self.series[resolution as usize].drop_ended(resolution.length_ms(), fixed_ms);
        }
        self.history.fold(fixed_ms);
        self.mark_unsaved();
        let bytes = codec::encode(&(&self.series, &self.history))?;
        self.packed = Some(codec::pack(&bytes).into());
        (self.series, self.history) = (<[Series; 5]>::default(), History::default());
        Ok(())
    }

    /// Undoes [`Self::pack`].
    pub(super) fn unpack(&mut self) -> Result<(), CodecError> {
        if let Some(unpacked) = self.unpacked()? {
            (self.series, self.history, self.packed) = (unpacked.series, unpacked.history, None);
        }
        Ok(())
    }

    /// What is packed, if it is.
    pub(crate) fn unpacked(&self) -> Result<Option<Self>, CodecError> {
        let Some(packed) = &self.packed else { return Ok(None) };
        let (series, history) = codec::decode(&codec::unpack(packed)?)?;
        Ok(Some(Self { series, history, ..Self::new(self.symbol.clone()) }))
    }

    /// It is saved as it is now: what is encoded next are the changes from here on.
    pub(crate) fn mark_saved(&mut self) {
        self.series.iter_mut().for_each(Series::mark_saved);
        self.history.mark_saved();
    }

    /// Nothing is saved: all of it is encoded next.
    pub(crate) fn mark_unsaved(&mut self) {
        self.series.iter_mut().for_each(Series::mark_unsaved);
        self.history.mark_unsaved();
    }

    /// Makes a decoded part whole: `before` is what was saved before it. Returns whether the two fit together.
    pub(crate) fn continue_from(&mut self, before: Self) -> bool {
        let pairs = self.series.iter_mut().zip(before.series);
        let series = pairs.fold(true, |fits, (series, before)| series.continue_from(before) & fits);
        self.history.continue_from(before.history) & series
    }

    /// Whether it is whole, packed or not, and one that a program saves: the next trade relies on it.
    pub(crate) fn is_consistent(&self) -> bool {
        self.series.iter().all(Series::is_consistent) && self.history.is_consistent()
    }
}
