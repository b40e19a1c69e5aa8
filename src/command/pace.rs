//! `tickline pace`: progress for logs of other producers.

use std::sync::atomic::Ordering;
use std::time::{Duration as StdDuration, Instant};

use anyhow::Context;
use dataflows::progress::time::MAX_AHEAD_TRADE_MS;

use super::UsageError;
use super::options::duration::Duration;
use crate::log::address::LogAddress;
use crate::pace::{PaceConfig, Pacer};
use crate::process::messages::note;
use crate::process::signals::ended_by_signal;
use crate::time::rfc3339;

/// Pause when there is nothing to read.
const PAUSE: StdDuration = StdDuration::from_millis(20);
/// Time between two lines about the progress.
const REPORT_EVERY: StdDuration = StdDuration::from_secs(10);

/// Watch a log without progress records, and write how far it is complete into a progress log beside it.
///
/// `work`, `replay` and `verify` read both with --progress LOG: rows and digests are then functions of the two logs.
/// One pacer per progress log is enough; it may be stopped and started again at any time.
#[derive(clap::Args, Clone, Debug)]
pub struct PaceArgs {
    /// The log to watch: dir:PATH or kafka://HOST:PORT/TOPIC
    #[arg(long, env = "TICKLINE_LOG")]
    pub log: LogAddress,
    /// The progress log to write, created with one partition if it does not exist
    #[arg(long, env = "TICKLINE_PROGRESS", value_name = "LOG")]
    pub progress: LogAddress,
    /// How far progress stays behind the newest trade of a partition: trades out of order by more are late
    #[arg(long, default_value = "5s", value_name = "DURATION")]
    pub max_out_of_orderness: Duration,
    /// A partition without a trade for this long, and with nothing to read, follows the others
    #[arg(long, default_value = "10s", value_name = "DURATION")]
    pub idle: Duration,
    /// A trade further ahead than this counts only when the next trades confirm it
    #[arg(long, env = "TICKLINE_MAX_AHEAD_TRADE", default_value_t = Duration::from_ms(MAX_AHEAD_TRADE_MS))]
    pub max_ahead_trade: Duration,
    /// The log is finished: stop at its end, and say that everything in it is complete
    #[arg(long)]
    pub until_end: bool,
}

/// Runs `tickline pace`.
pub fn run(args: &PaceArgs) -> anyhow::Result<()> {
    if args.log == args.progress {
        return Err(UsageError(format!("--progress {} is the log itself: name another one", args.progress)).into());
    }
    let config = PaceConfig {
        max_out_of_orderness_ms: args.max_out_of_orderness.ms(),
        idle: args.idle.std(),
        max_ahead_trade_ms: args.max_ahead_trade.ms(),
    };
    let stopped = ended_by_signal()?;
    let mut pacer = Pacer::open(&args.log, &args.progress, config)
        .with_context(|| format!("cannot pace {} into {}", args.log, args.progress))?;
    let (mut read, mut reported, mut line) = (0, Instant::now(), String::new());
    while !stopped.load(Ordering::SeqCst) {
        let records = pacer.step().with_context(|| format!("pacing {} ended", args.log))?;
        read += records;
        if args.until_end && pacer.is_at_end() {
            pacer.finish()?;
            break;
        }
        if records == 0 {
            std::thread::sleep(PAUSE);
        }
        if reported.elapsed() >= REPORT_EVERY {
            reported = Instant::now();
            let now = describe(read, &pacer);
            if now != line {
                note(format_args!("{now}"));
                line = now;
            }
        }
    }
    note(format_args!("{}", describe(read, &pacer)));
    Ok(())
}

fn describe(read: u64, pacer: &Pacer) -> String {
    let (least, held) = pacer.progress();
    let progress = least.map_or_else(|| "no progress yet".to_owned(), |ms| format!("progress up to {}", rfc3339(ms)));
    let held = held.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    format!("pace: {read} records read, {progress}, held back by partition {held}")
}
