//! `tickline symbols sync`: writes Finnhub's symbol lists to a store, a log, or both.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use clap::Args as ClapArgs;
use indicatif::ProgressBar;

use crate::command::UsageError;
use crate::command::options::secret;
use crate::command::output::progress::progress_bar;
use crate::finnhub::rest::{FINNHUB_URL, RestConfig};
use crate::log::address::LogAddress;
use crate::process::messages::note;
use crate::store::address::StoreAddress;
use crate::symbols::book::Book;
use crate::symbols::{Progress, Report, SyncConfig, sync};
use crate::time::now_ms;

/// Fetch the symbols of all exchanges, once a day. The API token comes from FINNHUB_TOKEN or --token-file.
///
/// Today's responses are cached, so an interrupted sync resumes where it stopped. Exchanges that the plan does not
/// allow are listed at the end, and their symbols stay unchanged.
#[derive(Clone, Debug, ClapArgs)]
pub struct Args {
    /// The store whose table `symbols` is updated, also while a worker writes to it
    #[arg(long, env = "TICKLINE_STORE", value_name = "STORE", required_unless_present = "log")]
    pub store: Option<StoreAddress>,
    /// The log of symbols to append to (not the log of trades): dir:PATH or kafka://HOST:PORT/TOPIC, one partition
    #[arg(long, value_name = "LOG")]
    pub log: Option<LogAddress>,
    /// Cache directory of the day's responses
    #[arg(long, env = "TICKLINE_SYMBOLS_CACHE", value_name = "DIR", default_value = ".tickline/symbols")]
    pub cache: PathBuf,
    /// Only these exchanges, separated by commas: US, L, BINANCE
    #[arg(long, value_delimiter = ',')]
    pub exchange: Vec<String>,
    /// URL of Finnhub's REST API
    #[arg(long, env = "FINNHUB_REST_URL", default_value = FINNHUB_URL)]
    pub url: String,
    /// File with the API token
    #[arg(long, env = "TICKLINE_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Maximum number of calls per minute, as the plan allows
    #[arg(long, env = "TICKLINE_CALLS_PER_MINUTE_MAX", default_value_t = 60, value_name = "N")]
    pub calls_per_minute_max: u32,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    if args.log.is_some() && args.log.as_ref().map(ToString::to_string) == std::env::var("TICKLINE_LOG").ok() {
        return Err(UsageError("--log is the log of the trades: symbols need a separate one".to_owned()).into());
    }
    let token = secret::read(args.token_file.as_deref())?;
    let rest =
        RestConfig { calls_per_minute_max: args.calls_per_minute_max, ..RestConfig::new(args.url.clone(), token) };
    let config = SyncConfig { rest, cache: args.cache.clone(), exchanges: args.exchange.clone() };
    let mut book = Book::open(args.store.as_ref(), args.log.as_ref()).context("cannot open the symbol table")?;
    let bar = progress_bar("symbols {wide_bar} {pos}/{len} lists, {eta} left, {msg}");
    let runtime = tokio::runtime::Runtime::new().context("cannot start threads")?;
    let result = runtime.block_on(sync(&config, &mut book, now_ms(), &mut |progress| show(&bar, progress)));
    bar.finish_and_clear();
    let report = result.context("cannot sync the symbols")?;
    note(format_args!("{}", text(&report).trim_end()));
    match report.failed.as_slice() {
        [] => Ok(()),
        failed => Err(anyhow!("{} lists failed; the next sync fetches only those", failed.len())),
    }
}

fn show(bar: &ProgressBar, Progress { done, total, next }: Progress<'_>) {
    bar.set_length(total as u64);
    bar.set_position(done as u64);
    bar.set_message(next.to_owned());
    if bar.is_hidden() && done.is_multiple_of(20) && !next.is_empty() {
        note(format_args!("symbols: {done} of {total} lists, next {next}"));
    }
}

/// Summary of a sync, with the names of everything unusual.
fn text(report: &Report) -> String {
    let Report { exchanges, cached, listed, new, delisted, renamed, changed, .. } = report;
    let mut text = format!(
        "symbols: {listed} listed by {exchanges} exchanges ({cached} of them from the cache); {new} new, {delisted} \
         delisted, {renamed} renamed; {changed} entries written\n"
    );
    let mut name = |what: &str, count: usize, names: &[String]| {
        if count > 0 {
            let more = if count > names.len() { ", ..." } else { "" };
            text += &format!("symbols: {count} {what}: {}{more}\n", names.join(", "));
        }
    };
    name("not allowed by the plan", report.not_allowed.len(), &report.not_allowed);
    name("failed", report.failed.len(), &report.failed);
    name("returned an empty list, so nothing of them was delisted", report.empty.len(), &report.empty);
    name("invalid elements", report.bad, &report.bad_named);
    name("symbols listed twice, the first one counts", report.taken, &report.taken_named);
    text
}
