//! Subscriptions of each viewer, and of all viewers together: what the watcher reads at each advance.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dataflows::progress::time::Resolution;

/// A chart: rows of one symbol.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chart {
    /// Symbol of the chart.
    pub symbol: String,
    /// Resolution of the candles.
    pub resolution: Resolution,
    /// Whether to include indicators, which exist for 5 s candles only.
    pub indicators: bool,
}

/// Subscriptions of one viewer.
#[derive(Clone, Debug, Default)]
pub struct Subscriptions {
    /// Symbols of the watch list, in the requested order.
    pub watch: Vec<String>,
    /// The chart, if one is shown.
    pub chart: Option<Chart>,
}

/// Subscriptions of all viewers, counted.
#[derive(Debug, Default)]
pub struct AllSubscriptions(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    symbols: BTreeMap<String, usize>,
    charts: BTreeMap<Chart, usize>,
}

impl AllSubscriptions {
    /// Adds a viewer's subscriptions until the returned registration is dropped.
    pub fn add(self: &Arc<Self>, subscriptions: Subscriptions) -> Registration {
        let mut counts = self.locked();
        for symbol in &subscriptions.watch {
            *counts.symbols.entry(symbol.clone()).or_default() += 1;
        }
        if let Some(chart) = &subscriptions.chart {
            *counts.charts.entry(chart.clone()).or_default() += 1;
        }
        Registration { all: Arc::clone(self), subscriptions }
    }

    /// Distinct symbols and charts, ascending.
    pub fn current(&self) -> (Vec<String>, Vec<Chart>) {
        let counts = self.locked();
        (counts.symbols.keys().cloned().collect(), counts.charts.keys().cloned().collect())
    }

    fn locked(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A viewer's entry in [`AllSubscriptions`]; dropping it removes the entry.
#[derive(Debug)]
pub struct Registration {
    all: Arc<AllSubscriptions>,
    /// The viewer's subscriptions.
    pub subscriptions: Subscriptions,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut counts = self.all.locked();
        for symbol in &self.subscriptions.watch {
            decrement(&mut counts.symbols, symbol);
        }
        if let Some(chart) = &self.subscriptions.chart {
            decrement(&mut counts.charts, chart);
        }
    }
}

fn decrement<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
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
    fn last_unsubscription_removes_the_entry() {
        let all = Arc::new(AllSubscriptions::default());
        let chart = Chart { symbol: "A".into(), resolution: Resolution::S5, indicators: true };
        let subscriptions = |watch: &[&str], chart: Option<&Chart>| Subscriptions {
            watch: watch.iter().map(|symbol| (*symbol).to_owned()).collect(),
            chart: chart.cloned(),
        };
        let one = all.add(subscriptions(&["B", "A"], Some(&chart)));
        let two = all.add(subscriptions(&["B", "C"], Some(&chart)));
        assert_eq!(all.current(), (vec!["A".into(), "B".into(), "C".into()], vec![chart.clone()]));
        drop(one);
        assert_eq!(all.current(), (vec!["B".into(), "C".into()], vec![chart]));
        drop(two);
        assert_eq!(all.current(), (vec![], vec![]));
    }
}
