//! What viewers want to be told, and all of it together: what the watcher reads at each advance.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dataflows::progress::time::Resolution;

/// A chart: rows of one symbol.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chart {
    /// Whose.
    pub symbol: String,
    /// Of which candles.
    pub resolution: Resolution,
    /// With rows of indicators, which there are for 5 s candles only.
    pub indicators: bool,
}

/// What one viewer wants.
#[derive(Clone, Debug, Default)]
pub struct Subscriptions {
    /// Symbols of the watch list, in the order asked for.
    pub watch: Vec<String>,
    /// The chart, if one is shown.
    pub chart: Option<Chart>,
}

/// What all viewers want together.
#[derive(Debug, Default)]
pub struct AllWanted(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    symbols: BTreeMap<String, usize>,
    charts: BTreeMap<Chart, usize>,
}

impl AllWanted {
    /// Counts a viewer in, until what is returned is dropped.
    pub fn add(self: &Arc<Self>, wanted: Subscriptions) -> Counted {
        let mut counts = self.locked();
        for symbol in &wanted.watch {
            *counts.symbols.entry(symbol.clone()).or_default() += 1;
        }
        if let Some(chart) = &wanted.chart {
            *counts.charts.entry(chart.clone()).or_default() += 1;
        }
        Counted { all: Arc::clone(self), wanted }
    }

    /// Symbols and charts, each once, ascending.
    pub fn now(&self) -> (Vec<String>, Vec<Chart>) {
        let counts = self.locked();
        (counts.symbols.keys().cloned().collect(), counts.charts.keys().cloned().collect())
    }

    fn locked(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A viewer that is counted in.
#[derive(Debug)]
pub struct Counted {
    all: Arc<AllWanted>,
    /// What it wants.
    pub wanted: Subscriptions,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.all.locked();
        for symbol in &self.wanted.watch {
            forget(&mut counts.symbols, symbol);
        }
        if let Some(chart) = &self.wanted.chart {
            forget(&mut counts.charts, chart);
        }
    }
}

fn forget<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_wants_any_more_is_forgotten() {
        let all = Arc::new(AllWanted::default());
        let chart = Chart { symbol: "A".into(), resolution: Resolution::S5, indicators: true };
        let wanted = |watch: &[&str], chart: Option<&Chart>| Subscriptions {
            watch: watch.iter().map(|symbol| (*symbol).to_owned()).collect(),
            chart: chart.cloned(),
        };
        let one = all.add(wanted(&["B", "A"], Some(&chart)));
        let two = all.add(wanted(&["B", "C"], Some(&chart)));
        assert_eq!(all.now(), (vec!["A".into(), "B".into(), "C".into()], vec![chart.clone()]));
        drop(one);
        assert_eq!(all.now(), (vec!["B".into(), "C".into()], vec![chart]));
        drop(two);
        assert_eq!(all.now(), (vec![], vec![]));
    }
}
