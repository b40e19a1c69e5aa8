//! One symbol's candles in one resolution: the newest as it is, older ones as compact records, while a late trade may
//! still reach them.

use std::cmp::Ordering;

use ethnum::I256;
use serde::{Deserialize, Serialize};

use crate::candles::candle::{Candle, Place, Rank};
use crate::compact::deque::{Record, RecordDeque};
use crate::compact::fields::{FieldReader, FieldWriter};
use crate::progress::time::Time;

/// A candle in its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The candle.
    pub candle: Candle,
    /// Start of the window.
    pub window_start_ms: u64,
    /// Time step of the last change of the values.
    pub as_of: Time,
    /// It was touched since the last flush: its row as of then is already recorded.
    #[serde(skip)]
    pub is_touched: bool,
    /// In this time step only price updates have touched it; its values before are recorded.
    #[serde(skip)]
    pub is_price_updated: bool,
}

/// Bytes of a place beside its event time.
const PLACE_BYTES: usize = 14;
/// Bytes of a price: up to 10^8 either way.
const PRICE_BYTES: usize = 11;
const TOUCHED: u64 = 1 << 2;
const PRICE_UPDATED: u64 = 1 << 3;

impl Record for Slot {
    const BYTES: usize = 4 * PRICE_BYTES + 8 + 16 + 4 + 6 + 1 + 2 * PLACE_BYTES;

    #[inline]
    fn window_start_ms(&self) -> u64 {
        self.window_start_ms
    }

    #[inline]
    fn write(&self, fields: &mut FieldWriter<'_>) {
        let candle = &self.candle;
        for price in [candle.open, candle.high, candle.low, candle.close] {
            fields.signed::<PRICE_BYTES>(price);
        }
        fields.signed::<8>(candle.volume);
        fields.wide(candle.notional);
        fields.unsigned::<4>(candle.trades);
        fields.unsigned::<6>(self.as_of);
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        let flags = flag(self.is_touched, TOUCHED) | flag(self.is_price_updated, PRICE_UPDATED);
        fields.unsigned::<1>(candle.rank as u64 | flags);
        for place in [&candle.open_at, &candle.close_at] {
            fields.unsigned::<4>(place.event_ms.wrapping_sub(self.window_start_ms));
            fields.unsigned::<2>(place.partition.into());
            fields.unsigned::<6>(place.offset);
            fields.unsigned::<2>(place.index.into());
        }
    }

    #[inline]
    fn read(window_start_ms: u64, fields: &mut FieldReader<'_>) -> Self {
        let [open, high, low, close] = std::array::from_fn(|_| fields.signed::<PRICE_BYTES>());
        let volume = fields.signed::<8>();
        let notional = I256::from(fields.signed::<16>());
        let (trades, as_of, flags) = (fields.unsigned::<4>(), fields.unsigned::<6>(), fields.unsigned::<1>());
        let [open_at, close_at] = std::array::from_fn(|_| Place {
            event_ms: window_start_ms + fields.unsigned::<4>(),
            partition: fields.unsigned::<2>() as u32,
            offset: fields.unsigned::<6>(),
            index: fields.unsigned::<2>() as u32,
        });
        let rank = match flags & 3 {
            0 => Rank::Volume,
            1 => Rank::Range,
            _ => Rank::Last,
        };
        let candle = Candle { open, high, low, close, volume, notional, open_at, close_at, trades, rank };
        let (is_touched, is_price_updated) = (flags & TOUCHED != 0, flags & PRICE_UPDATED != 0);
        Self { candle, window_start_ms, as_of, is_touched, is_price_updated }
    }
}

/// Windows ascending; most work is on the newest.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Series {
    newest: Option<Slot>,
    older: RecordDeque<Slot>,
}

impl Series {
    /// Changes the window's slot, unless it is empty. Returns what the change returns.
    #[inline]
    pub fn change<R>(&mut self, window_start_ms: u64, change: impl FnOnce(&mut Slot) -> R) -> Option<R> {
        let newest = self.newest.as_mut()?;
        match window_start_ms.cmp(&newest.window_start_ms) {
            Ordering::Equal => Some(change(newest)),
            Ordering::Greater => None,
            Ordering::Less => {
                let at = self.older.find(window_start_ms)?;
                let mut slot = self.older.get(at);
                let result = change(&mut slot);
                self.older.set(at, &slot);
                Some(result)
            }
        }
    }

    /// The window's slot, unless it is empty.
    #[inline]
    pub fn get(&self, window_start_ms: u64) -> Option<Slot> {
        let newest = self.newest.as_ref()?;
        if newest.window_start_ms == window_start_ms {
            return Some(*newest);
        }
        self.older.find(window_start_ms).map(|at| self.older.get(at))
    }

    /// All slots, ascending.
    pub fn slots(&self) -> impl Iterator<Item = Slot> {
        (0..self.older.len()).map(|at| self.older.get(at)).chain(self.newest)
    }

    /// Inserts the first slot of a window.
    #[inline]
    pub fn insert(&mut self, slot: Slot) {
        match &mut self.newest {
            Some(newest) if newest.window_start_ms < slot.window_start_ms => {
                self.older.push_back(newest);
                *newest = slot;
            }
            Some(_) => self.older.insert(&slot),
            None => self.newest = Some(slot),
        }
    }

    /// Drops the oldest windows that end at or before `by_ms`, except those touched since the last flush. The newest
    /// always stays.
    #[inline]
    pub fn drop_ended(&mut self, length_ms: u64, by_ms: u64) {
        let is_done = |older: &RecordDeque<Slot>| {
            !older.is_empty() && older.window_start_ms(0) + length_ms <= by_ms && !older.get(0).is_touched
        };
        while is_done(&self.older) {
            self.older.pop_front();
        }
    }

    /// It is saved as it is now: what is encoded next are the changes from here on.
    pub const fn mark_saved(&mut self) {
        self.older.mark_saved();
    }

    /// Nothing is saved: all of it is encoded next.
    pub const fn mark_unsaved(&mut self) {
        self.older.mark_unsaved();
    }

    /// Makes a decoded part whole: `before` is what was saved before it. Returns whether the two fit together.
    pub fn continue_from(&mut self, before: Self) -> bool {
        self.older.continue_from(before.older)
    }

    /// Whether it is whole, and one that a program saves: the next trade relies on it.
    pub fn is_consistent(&self) -> bool {
        let is_flushed = |slot: Slot| !slot.is_touched && !slot.is_price_updated;
        self.older.is_whole()
            && self.older.is_before(self.newest.as_ref().map(|newest| newest.window_start_ms))
            && (0..self.older.len()).all(|at| is_flushed(self.older.get(at)))
    }

    /// The last change of the newest window.
    pub fn newest_as_of(&self) -> Option<Time> {
        self.newest.as_ref().map(|slot| slot.as_of)
    }

    /// Number of windows held.
    pub fn len(&self) -> usize {
        self.older.len() + usize::from(self.newest.is_some())
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.newest.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_570_881_600_000;

    fn slot() -> Slot {
        let place = |offset| Place { event_ms: NOON + 4_999, partition: 65_535, offset, index: 65_535 };
        let candle = Candle {
            open: -10_i128.pow(26),
            high: 10_i128.pow(26),
            low: 1,
            close: -1,
            volume: i64::MAX.into(),
            notional: I256::from(i128::MIN),
            open_at: place(0),
            close_at: place((1 << 48) - 1),
            trades: u32::MAX.into(),
            rank: Rank::Range,
        };
        Slot { candle, window_start_ms: NOON, as_of: (1 << 48) - 1, is_touched: true, is_price_updated: true }
    }

    /// What a series holds of a slot that is not its newest, and whether it is a record.
    fn again(slot: Slot) -> (Slot, bool) {
        let mut series = Series::default();
        series.insert(slot);
        series.insert(Slot { window_start_ms: slot.window_start_ms + 5_000, ..slot });
        let mut bytes = [0; Slot::BYTES];
        let mut fields = FieldWriter::new(&mut bytes);
        slot.write(&mut fields);
        (series.get(slot.window_start_ms).unwrap(), fields.fits())
    }

    #[test]
    fn a_record_holds_every_field() {
        assert_eq!(Slot::BYTES + 5, 112);
        for rank in [Rank::Volume, Rank::Range, Rank::Last] {
            let slot = Slot { candle: Candle { rank, ..slot().candle }, ..slot() };
            assert_eq!(again(slot), (slot, true));
        }
        let bare = Slot { is_touched: false, as_of: 0, ..slot() };
        assert_eq!(again(bare), (bare, true));
    }

    /// Each field in turn is one too great.
    #[test]
    fn what_does_not_fit_a_record_is_kept_whole() {
        let changes: [fn(&mut Slot); 13] = [
            |slot| slot.candle.open = -(1 << 87) - 1,
            |slot| slot.candle.high = 1 << 87,
            |slot| slot.candle.low = i128::MIN,
            |slot| slot.candle.close = i128::MAX,
            |slot| slot.candle.volume = i128::from(i64::MAX) + 1,
            |slot| slot.candle.notional = I256::from(i128::MAX) + 1,
            |slot| slot.candle.trades = 1 << 32,
            |slot| slot.as_of = 1 << 48,
            |slot| slot.candle.open_at.partition = 1 << 16,
            |slot| slot.candle.open_at.offset = 1 << 48,
            |slot| slot.candle.close_at.index = 1 << 16,
            |slot| slot.candle.close_at.event_ms = NOON - 1,
            |slot| slot.candle.close_at.event_ms = NOON + (1 << 32),
        ];
        for change in changes {
            let mut slot = slot();
            change(&mut slot);
            assert_eq!(again(slot), (slot, false));
        }
    }
}
