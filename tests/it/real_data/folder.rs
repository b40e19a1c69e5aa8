//! Real trades and the bars that other programs made of them, read by code of this test's own.
//!
//! The files are not part of this repository. `TICKLINE_REAL_DATA` names their folder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

/// A candle in doubles, each the nearest to its exact value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    pub start_ms: u64,
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    pub volume: f64,
    pub notional: f64,
    pub trades: u64,
}

/// Where candles come from: symbol and window length in seconds to bars, ascending. What is to be tested is put here.
pub type Candles<'a> = dyn Fn(&str, u64) -> Vec<Bar> + 'a;

/// Bars by symbol and start.
pub type BarMap = BTreeMap<(String, u64), Bar>;

/// The folder with the files; says loudly when there is none.
pub fn folder() -> Option<PathBuf> {
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data"));
    let folder = std::env::var_os("TICKLINE_REAL_DATA").map_or_else(default, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("REAL-DATA TESTS WERE NOT RUN: there is no folder {}; set TICKLINE_REAL_DATA", folder.display());
    None
}

/// A file's text, unpacked.
pub fn unpack(path: &PathBuf) -> String {
    let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text
}

/// All bars that a source has for these symbols.
pub fn collect(symbols: &[String], seconds: u64, candles: &Candles<'_>) -> BarMap {
    let of = |symbol: &String| {
        let symbol = symbol.clone();
        candles(&symbol, seconds).into_iter().map(move |bar| ((symbol.clone(), bar.start_ms), bar)).collect::<Vec<_>>()
    };
    symbols.iter().flat_map(of).collect()
}
