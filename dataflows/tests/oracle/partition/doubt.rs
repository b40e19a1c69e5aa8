//! Leaps: progress and trades far ahead of everything known, until something confirms them.

use std::collections::BTreeSet;

use dataflows::log::reject::Reason;

use super::{Draft, Partition, Record};

impl Partition<'_> {
    /// Progress that nothing explains: further than `max_ahead_ms` past all that is known.
    pub(super) fn is_doubtful(&self, record: &Record, source: &str, event_ms: i64) -> bool {
        let of_log = record.timestamp_ms.map(|ms| ms.max(0));
        let said = self.progress.values().copied().chain(self.frontier).max().filter(|_| !self.progress.is_empty());
        let Some(known) = of_log.or(said) else { return false };
        let known = [Some(known), self.newest, self.announced.get(source).copied()].into_iter().flatten().max();
        event_ms > known.unwrap() + self.settings.max_ahead_ms as i64
    }

    pub(super) fn believe(&mut self, source: &str) {
        if self.doubted.as_ref().is_some_and(|(name, _)| name == source) {
            self.doubted = None;
        }
    }

    pub(super) fn announce(&mut self, source: String, to_ms: i64) {
        if self.announced.len() < 1024 || self.announced.contains_key(&source) {
            let to_ms = self.announced.get(&source).map_or(to_ms, |known| to_ms.max(*known));
            self.announced.insert(source, to_ms);
        }
    }

    /// A trade where the newest one makes the frontier: alone, it may not make a leap.
    pub(super) fn confirmed_trade(&mut self, record: &Record, index: u32, draft: Draft) {
        if let Err(reason) = self.check_time(record, &draft) {
            return self.reject_part(record, index, reason, &draft.bytes);
        }
        let far = self.settings.max_ahead_trade_ms as i64;
        let leaps = self.frontier.is_none_or(|pf| draft.event_ms > pf + far);
        let first = self.pending.first().map(|(_, _, first)| first.event_ms);
        let agrees = first.is_some_and(|first| (draft.event_ms - first).abs() <= far);
        let follows_a_first = self.frontier.is_none() && first.is_some_and(|first| first < draft.event_ms);
        if leaps && (agrees || first.is_none()) {
            self.pending.push((record.clone(), index, draft));
            let symbols: BTreeSet<&String> = self.pending.iter().map(|(_, _, draft)| &draft.symbol).collect();
            let enough = self.symbols.len() < 2 || symbols.len() > 1;
            if (enough && self.pending.len() >= 3) || self.pending.len() >= 1024 {
                self.take_pending();
            }
        } else if first.is_none() {
            self.symbols.insert(draft.symbol.clone());
            self.timed_trade(record, index, draft);
        } else {
            if agrees || follows_a_first {
                self.take_pending();
            } else {
                for (record, index, draft) in std::mem::take(&mut self.pending) {
                    self.reject_part(&record, index, Reason::TooFarAhead, &draft.bytes);
                }
            }
            self.confirmed_trade(record, index, draft);
        }
    }

    pub(super) fn take_pending(&mut self) {
        for (record, index, draft) in std::mem::take(&mut self.pending) {
            self.symbols.insert(draft.symbol.clone());
            let undated = Record { timestamp_ms: None, ..record };
            self.timed_trade(&undated, index, draft);
        }
    }
}
