//! What checkpoints cost: bytes written and time of one worker, 30,000 symbols of very different activity, a checkpoint
//! after every 30 s of event time.
//!
//! `cargo bench --bench checkpoint`; `-- MINUTES TRADES` for another length of the run than an hour, and other trades a
//! second.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that cannot run must stop")]

use std::time::{Duration, Instant};

use dataflows::candles::candle::{Candle, Place, Trade};
use dataflows::candles::group::Group;
use dataflows::candles::state::WindowState;
use dataflows::ingress::delivery::Partial;
use dataflows::log::conditions::{ConditionTable, Flags};
use dataflows::progress::time::Resolution;
use dataflows::settings::Settings;
use dataflows::state::codec;
use dataflows::state::gradual::ROUND_BYTES;
use dataflows::symbols::symbol::Symbol;

/// The binary's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SYMBOLS: u32 = 30_000;
const EVERY_S: u64 = 30;
/// 2024-01-02 14:30 UTC.
const START_MS: u64 = 1_704_205_800_000;

/// What a run measured.
#[derive(Default)]
struct Measured {
    /// Bytes of each checkpoint, as encoded and as stored.
    checkpoints: Vec<(usize, usize)>,
    /// Every time step and every round of a checkpoint, the longest last.
    steps: Vec<Duration>,
}

/// The trades of one second. The nth symbol has about 1/n of the first one's trades.
fn trades(second: u64, per_second: u64, dice: &mut u64) -> Vec<Partial> {
    let time = START_MS + second * 1_000;
    let mut trade = |n: u64| {
        *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = (*dice >> 11) as f64 / (1_u64 << 53) as f64;
        let symbol = (share * f64::from(SYMBOLS).ln()).exp() as u32 - 1;
        let place =
            Place { event_ms: time + n * 1_000 / per_second, partition: 0, offset: second * per_second + n, index: 0 };
        let cents = 10_000 + i128::from(symbol) + i128::from(*dice >> 30 & 63);
        let volume = i128::from(1 + (*dice >> 40 & 255)) * 10_i128.pow(10);
        let trade = Trade { place, price: cents * 10_i128.pow(16), volume, flags: Flags::ALL };
        let window_start_ms = Resolution::S5.window_start_ms(time);
        Partial { candle: Candle::of(&trade), window_start_ms, time, symbol: symbol.min(SYMBOLS - 1) }
    };
    (0..per_second).map(&mut trade).collect()
}

/// Runs, with checkpoints or with one at the end.
fn run(seconds: u64, per_second: u64, with_checkpoints: bool) -> Measured {
    let mut state = WindowState::new(&Settings::new(ConditionTable::neutral()));
    (0..SYMBOLS).for_each(|n| _ = state.add_symbol(Symbol::new(&format!("SYM{n:05}")).unwrap()));
    let (mut measured, mut dice, mut rows) = (Measured::default(), 0x5eed, 0_u64);
    for second in 0..seconds {
        let step = (START_MS + second * 1_000, trades(second, per_second, &mut dice));
        let (begun, mut left) = (Instant::now(), usize::MAX);
        assert!(state.apply(&mut Group::new(vec![step]), &mut left, |_| (), |_| rows += 1));
        measured.steps.push(begun.elapsed());
        let is_due = if with_checkpoints { second % EVERY_S == EVERY_S - 1 } else { second + 1 == seconds };
        if is_due {
            state.begin_snapshot(START_MS + second * 1_000);
        }
        // A round is a step of the operator like any other: rows go on between two.
        while state.has_snapshot() {
            let begun = Instant::now();
            let snapshot = state.continue_snapshot(ROUND_BYTES);
            if with_checkpoints {
                measured.steps.push(begun.elapsed());
            }
            let Some((_, segments)) = snapshot else { continue };
            let segments = segments.unwrap();
            let encoded = segments.iter().map(|segment| segment.bytes.len()).sum();
            let packed = segments.iter().map(|segment| codec::pack(&segment.bytes).len()).sum();
            measured.checkpoints.push((encoded, packed));
        }
    }
    assert!(rows > 0);
    measured.steps.sort_unstable();
    measured
}

fn main() {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse().ok());
    let (minutes, per_second) = (numbers.next().unwrap_or(60), numbers.next().unwrap_or(500));
    let (with, without) = (run(minutes * 60, per_second, true), run(minutes * 60, per_second, false));
    let mb = |bytes: usize| bytes as f64 / 1e6;
    let ms = |measured: &Measured, part: usize| {
        let at = (measured.steps.len() - 1) * part / 1_000;
        measured.steps[at].as_secs_f64() * 1e3
    };
    println!("{SYMBOLS} symbols, {per_second} trades/s, {minutes} min, a checkpoint every {EVERY_S} s, one worker\n");
    let (encoded, packed) = without.checkpoints[0];
    println!("the whole state at the end: {:.1} MB encoded, {:.1} MB stored", mb(encoded), mb(packed));
    let late = &with.checkpoints[with.checkpoints.len() / 2..];
    let stored = late.iter().map(|(_, packed)| *packed);
    let mean = mb(stored.clone().sum::<usize>()) / late.len() as f64;
    println!("a checkpoint in the second half: {mean:.1} MB stored, at most {:.1}", mb(stored.max().unwrap()));
    println!("\n| time steps | median ms | 99 % | 99.9 % | longest |\n| --- | --- | --- | --- | --- |");
    for (name, measured) in [("with checkpoints", &with), ("without", &without)] {
        let [median, p99, p999, longest] = [500, 990, 999, 1_000].map(|part| ms(measured, part));
        println!("| {name} | {median:.2} | {p99:.2} | {p999:.2} | {longest:.2} |");
    }
}
