//! Trades of time steps between which no frontier row is made, symbol by symbol. A symbol's state is taken up once for
//! all of them: where many symbols trade, most of the work is to bring state into the caches.

use crate::ingress::delivery::Partial;
use crate::progress::time::Time;

/// Where a symbol's trades are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    symbol: u32,
    step: u32,
    at: u32,
}

/// Consecutive time steps.
#[derive(Debug)]
pub struct Group {
    first: Time,
    last: Time,
    steps: Vec<Vec<Partial>>,
    /// By symbol, then by time.
    places: Vec<Place>,
    /// All before this one are applied.
    next: usize,
}

impl Group {
    /// Of these time steps, ascending: at least one.
    pub fn new(steps: Vec<(Time, Vec<Partial>)>) -> Self {
        let first = steps.first().map_or(0, |(time, _)| *time);
        let last = steps.last().map_or(0, |(time, _)| *time);
        let steps: Vec<Vec<Partial>> = steps.into_iter().map(|(_, partials)| partials).collect();
        let mut places = Vec::with_capacity(steps.iter().map(Vec::len).sum());
        for (step, partials) in (0..).zip(&steps) {
            places.extend((0..).zip(partials).map(|(at, partial)| Place { symbol: partial.symbol, step, at }));
        }
        places.sort_unstable();
        Self { first, last, steps, places, next: 0 }
    }

    /// The first time step.
    pub const fn first(&self) -> Time {
        self.first
    }

    /// The last time step.
    pub const fn last(&self) -> Time {
        self.last
    }

    /// Number of its time steps.
    pub const fn steps(&self) -> usize {
        self.steps.len()
    }

    /// The next symbol with its trades, ascending by time step, and their number. `None` when all were given.
    pub fn next_symbol(&mut self) -> Option<(u32, usize, impl Iterator<Item = &Partial>)> {
        let rest = &self.places[self.next..];
        let symbol = rest.first()?.symbol;
        let count = rest.iter().take_while(|place| place.symbol == symbol).count();
        self.next += count;
        let steps = &self.steps;
        let partials = rest[..count].iter().map(|place| &steps[place.step as usize][place.at as usize]);
        Some((symbol, count, partials))
    }

    /// The buffers of the time steps, for reuse.
    pub fn into_buffers(self) -> Vec<Vec<Partial>> {
        self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candles::candle::{Candle, Place as TradePlace, Trade};
    use crate::log::conditions::Flags;

    fn partial(time: Time, symbol: u32) -> Partial {
        let place = TradePlace { event_ms: time, partition: 0, offset: 0, index: 0 };
        let candle = Candle::of(&Trade { place, price: 1, volume: 1, flags: Flags::ALL });
        Partial { candle, window_start_ms: 0, time, symbol }
    }

    #[test]
    fn each_symbol_comes_once_and_in_order_of_time() {
        let step = |time, symbols: &[u32]| (time, symbols.iter().map(|&symbol| partial(time, symbol)).collect());
        let mut group = Group::new(vec![step(5, &[7, 2, 7]), step(6, &[2]), step(9, &[1, 7])]);
        assert_eq!((group.first(), group.last()), (5, 9));
        let mut found = Vec::new();
        while let Some((symbol, count, partials)) = group.next_symbol() {
            let times: Vec<(u32, Time)> = partials.map(|partial| (partial.symbol, partial.time)).collect();
            assert!(times.len() == count && times.iter().all(|(of, _)| *of == symbol));
            found.push((symbol, times.iter().map(|(_, time)| *time).collect::<Vec<_>>()));
        }
        assert_eq!(found, [(1, vec![9]), (2, vec![5, 6]), (7, vec![5, 5, 9])]);
        assert_eq!(group.into_buffers().len(), 3);
    }
}
