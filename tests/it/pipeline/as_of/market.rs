//! A small market over midnight: a symbol that trades often, one that trades now and then, one that trades rarely, and
//! one whose trades are mostly late, or ahead of the frontier.

use dataflows::log::conditions::{BUILT_IN, ConditionTable};
use dataflows::settings::Settings;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tickline::log::Log;
use tickline::log::address::LogAddress;

use crate::shared::process::Home;

/// 2024-01-02T22:50:00Z.
pub const START_MS: u64 = 1_704_235_800_000;
/// Two hours later.
pub const END_MS: u64 = START_MS + 7_200_000;
pub const SYMBOLS: [&str; 4] = ["OFTEN", "SOME", "RARE", "STRAY"];

pub fn settings() -> Settings {
    Settings::new(ConditionTable::from_toml(BUILT_IN).unwrap())
}

pub fn log(home: &Home) -> Box<dyn Log> {
    LogAddress::Dir(home.path("log")).open().unwrap()
}

/// The lines of three partitions: progress each second, and trades between.
pub fn lines() -> [Vec<String>; 3] {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut lines: [Vec<String>; 3] = Default::default();
    for now_ms in (START_MS..END_MS).step_by(1_000) {
        for (partition, lines) in lines.iter_mut().enumerate() {
            if let Some(trade) = trade(&mut rng, now_ms) {
                lines.push(trade);
            }
            // The last one is a little behind.
            let event_ms = now_ms + 1_000 - if partition == 2 { 2_000 } else { 0 };
            lines.push(format!(r#"{{"type":"progress","source":"s{partition}","event_ms":{event_ms}}}"#));
        }
    }
    let last = |lines: &mut Vec<String>| {
        lines.push(format!(r#"{{"type":"progress","source":"s2","event_ms":{END_MS}}}"#));
    };
    last(&mut lines[2]);
    lines
}

fn trade(rng: &mut ChaCha8Rng, now_ms: u64) -> Option<String> {
    let symbol = match rng.random_range(0..10_000) {
        0..1_200 => "OFTEN",
        1_200..1_400 => "SOME",
        1_400..1_404 => "RARE",
        1_404..1_500 => "STRAY",
        _ => return None,
    };
    let is_stray = symbol == "STRAY" || rng.random_range(0..10) == 0;
    let event_ms = match rng.random_range(0..3) {
        _ if !is_stray => now_ms + rng.random_range(0..1_000),
        0 => now_ms + rng.random_range(0..3_000_000),
        _ => now_ms - rng.random_range(0..880_000),
    };
    let (price, volume) = (rng.random_range(90..110), rng.random_range(0..4));
    Some(format!(r#"{{"p":{price}.5,"s":"{symbol}","t":{event_ms},"v":{volume}}}"#))
}
