//! State of one symbol: its candles and the history of its indicators, or both packed while it is idle; and its parts
//! in the segments of a checkpoint.

use serde::{Deserialize, Serialize};

use crate::candles::series::{Series, Slot};
use crate::candles::state::{WindowOf, candle_row};
use crate::indicators::history::History;
use crate::output::row::{CandleRow, IndicatorRow};
use crate::progress::time::{Resolution, Time};
use crate::state::codec::{self, CodecError};
use crate::symbols::symbol::Symbol;

/// Rows of one symbol.
#[derive(Clone, Debug, Default)]
pub struct SymbolRows {
    /// Candles of all resolutions.
    pub candles: Vec<CandleRow>,
    /// Indicators.
    pub indicators: Vec<IndicatorRow>,
}

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

    /// The rows of all windows that end after this time, as they are now. It lies back from now by at most the allowed
    /// lateness: a late trade may still reach these windows, so all of them are here.
    pub fn rows(&self, after_ms: u64) -> Result<SymbolRows, CodecError> {
        let unpacked = self.unpacked()?;
        let (state, symbol) = (unpacked.as_ref().unwrap_or(self), &self.symbol);
        let rows_of = |resolution: Resolution| {
            let from_ms = resolution.window_start_ms(after_ms);
            let slots = state.series[resolution as usize].slots();
            slots.filter(move |slot| slot.window_start_ms >= from_ms).map(move |slot: Slot| {
                let of = WindowOf { resolution, window_start_ms: slot.window_start_ms };
                candle_row(symbol, of, &slot.candle, slot.as_of)
            })
        };
        let candles = Resolution::ALL.into_iter().flat_map(rows_of).collect();
        let rows = state.history.rows(Resolution::S5.window_start_ms(after_ms)).into_iter();
        let indicators = rows.map(|(window_start_ms, values, as_of)| {
            let symbol = symbol.clone();
            IndicatorRow { symbol, window_start_ms, values, as_of }
        });
        Ok(SymbolRows { candles, indicators: indicators.collect() })
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
