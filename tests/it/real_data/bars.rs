//! Bars by others.

use std::path::Path;

use super::folder::{Bar, BarMap, unpack};

/// The bars of one resolution; `notional` and `trades` are not in the files and are 0.
pub fn read(folder: &Path, name: &str, seconds: u64) -> BarMap {
    let text = unpack(&folder.join(format!("{name}.bars.csv.gz")));
    let mut bars = BarMap::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        if fields[2] != seconds.to_string() {
            continue;
        }
        let start_ms = fields[1].parse().unwrap();
        let number = |at: usize| fields[at].parse::<f64>().unwrap();
        let bar = Bar {
            start_ms,
            open: number(3),
            high: number(4),
            low: number(5),
            close: number(6),
            volume: number(7),
            notional: 0.0,
            trades: 0,
        };
        bars.insert((fields[0].to_string(), start_ms), bar);
    }
    assert!(!bars.is_empty(), "{name} holds bars of {seconds} s");
    bars
}
