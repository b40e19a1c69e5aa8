//! Accepted trades far ahead of their partition's frontier: they wait here, and are part of the checkpoint, so that a
//! run that resumes need not read the log again from the first of them. One trade with a clock an hour ahead would
//! otherwise hold the resume point for an hour.

use std::collections::BTreeMap;

use crate::ingress::waiting_trade::WaitingTrade;
use crate::progress::time::Time;

/// Trades further ahead of the partition frontier than this wait here. Nearer ones are read again after a restart.
pub(super) const FAR_MS: u64 = 60_000;

/// Trades by their time: what a checkpoint holds of a partition.
pub(super) type AheadByTime = Vec<(Time, Vec<WaitingTrade>)>;

/// The trades of one partition that are far ahead, until every checkpoint to come is past them.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    trades: BTreeMap<Time, Vec<WaitingTrade>>,
    /// Those before this time were sent on.
    sent_before: Time,
}

impl Ahead {
    /// The trades of a checkpoint. None of them was sent on in this run.
    pub(super) fn restore(trades: AheadByTime) -> Self {
        Self { trades: trades.into_iter().collect(), sent_before: 0 }
    }

    /// Keeps a trade of this time.
    pub(super) fn insert(&mut self, time: Time, trade: WaitingTrade) {
        self.trades.entry(time).or_default().push(trade);
    }

    /// The trades before `end` that were not sent on yet; they are now.
    pub(super) fn send_before(&mut self, end: Time) -> impl Iterator<Item = (Time, &WaitingTrade)> {
        let start = self.sent_before;
        self.sent_before = end.max(start);
        let due = self.trades.range(start..self.sent_before);
        due.flat_map(|(time, trades)| trades.iter().map(|trade| (*time, trade)))
    }

    /// Trades that were not sent on yet.
    pub(super) fn len(&self) -> usize {
        self.trades.range(self.sent_before..).map(|(_, trades)| trades.len()).sum()
    }

    /// Forgets the trades before the frontier of the last checkpoint.
    pub(super) fn forget(&mut self, frontier: Time) {
        if self.trades.first_key_value().is_some_and(|(time, _)| *time < frontier) {
            self.trades = self.trades.split_off(&frontier);
        }
    }

    /// The trades that a run needs when it resumes at `offset` as of `frontier`.
    pub(super) fn before(&self, offset: u64, frontier: Time) -> AheadByTime {
        let read = |trades: &[WaitingTrade]| -> Vec<_> {
            trades.iter().filter(|trade| trade.offset < offset).cloned().collect()
        };
        let times = self.trades.range(frontier..).map(|(time, trades)| (*time, read(trades)));
        times.filter(|(_, trades)| !trades.is_empty()).collect()
    }
}
