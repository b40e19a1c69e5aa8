//! One symbol's candles in one resolution: the newest inline, older ones while a late trade may still reach them.

use std::cmp::Ordering;
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::candles::candle::Candle;
use crate::progress::time::Time;

/// A candle in its window.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Slot {
    /// The candle.
    pub candle: Candle,
    /// Start of the window.
    pub window_start_ms: u64,
    /// Time step of the last change of the values.
    pub as_of: Time,
    /// The last flush round in which it was touched: its row as of the previous flush is already recorded.
    #[serde(skip)]
    pub round: u64,
    /// The last time step in which only price updates touched it, counted by [`crate::candles::state`].
    #[serde(skip)]
    pub step_serial: u32,
}

/// Windows ascending; most work is on the newest.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Series {
    newest: Option<Slot>,
    older: VecDeque<Slot>,
}

impl Series {
    /// The window's slot, unless it is empty.
    #[inline]
    pub fn get_mut(&mut self, window_start_ms: u64) -> Option<&mut Slot> {
        match window_start_ms.cmp(&self.newest.as_ref()?.window_start_ms) {
            Ordering::Equal => self.newest.as_mut(),
            Ordering::Greater => None,
            Ordering::Less => self.older_mut(window_start_ms),
        }
    }

    /// A symbol that trades steadily has evenly spaced windows, so the slot at that distance is tried first.
    fn older_mut(&mut self, window_start_ms: u64) -> Option<&mut Slot> {
        let (newest, last) = (self.newest.as_ref()?.window_start_ms, self.older.back()?.window_start_ms);
        let back = (newest - window_start_ms) / (newest - last);
        let guess = (self.older.len() as u64).checked_sub(back).map(|at| at as usize);
        let is_there = |at: &usize| self.older.get(*at).is_some_and(|slot| slot.window_start_ms == window_start_ms);
        let search = || self.older.binary_search_by_key(&window_start_ms, |slot| slot.window_start_ms).ok();
        self.older.get_mut(guess.filter(is_there).or_else(search)?)
    }

    /// Inserts the first slot of a window.
    #[inline]
    pub fn insert(&mut self, slot: Slot) {
        match &mut self.newest {
            Some(newest) if newest.window_start_ms < slot.window_start_ms => {
                self.older.push_back(std::mem::replace(newest, slot));
            }
            Some(_) => {
                let at = self.older.partition_point(|s| s.window_start_ms < slot.window_start_ms);
                self.older.insert(at, slot);
            }
            None => self.newest = Some(slot),
        }
    }

    /// Drops the oldest windows while `is_done` holds for them. The newest always stays.
    #[inline]
    pub fn drop_while(&mut self, is_done: impl Fn(&Slot) -> bool) {
        while self.older.front().is_some_and(&is_done) {
            self.older.pop_front();
        }
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
