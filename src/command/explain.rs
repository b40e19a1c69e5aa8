//! `tickline explain`: why a candle is what it is, from the log and the store.

use dataflows::progress::time::Resolution;
use dataflows::symbols::symbol::Symbol;

use super::candles::resolution;
use super::options::moment::Moment;
use super::options::read::check_known;
use super::options::rows::SettingsArgs;
use super::output::format::{Format, print};
use crate::escape::escaped_json;
use crate::explain::{ExplainError, Sources, Window, explain};
use crate::log::address::LogAddress;
use crate::store::address::StoreAddress;

mod table;

/// Trades, left-out ones and versions that a table lists.
const LISTED: usize = 200;

/// Explain a candle: the records of the log that made it and those that were left out, the versions of its row, and
/// whether the stored row is what the log leads to.
#[derive(clap::Args, Clone, Debug)]
pub struct ExplainArgs {
    /// The log: dir:PATH or kafka://HOST:PORT/TOPIC
    #[arg(long, env = "TICKLINE_LOG")]
    pub log: LogAddress,
    /// The store: sqlite:PATH or cassandra://HOST:PORT/KEYSPACE
    #[arg(long, env = "TICKLINE_STORE")]
    pub store: StoreAddress,
    /// The symbol, as the feed spells it
    #[arg(long)]
    pub symbol: String,
    /// The window: its start or any moment in it, as 2013-10-07T13:30:00Z, a date, seconds or milliseconds since 1970,
    /// "2h ago", now
    #[arg(long, value_name = "TIME")]
    pub window: Moment,
    /// Window length: 5s, 1m, 5m, 1h, 1d
    #[arg(long, default_value = "5s", value_parser = resolution)]
    pub resolution: Resolution,
    /// List at most N trades, N left-out ones and N versions; all are counted [default: 200, in JSON all]
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Output format
    #[arg(long, value_parser = Format::among(&Format::OF_REPORTS), default_value = "table")]
    pub format: Format,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its own type says it")]
    pub settings: SettingsArgs,
}

/// Runs `tickline explain`.
pub fn run(args: &ExplainArgs) -> anyhow::Result<()> {
    let mut reader = args.store.open_reader()?;
    let (settings, log) = (args.settings.settings()?, args.settings.open(&args.log)?);
    let Some(symbol) = Symbol::new(&args.symbol) else { return check_known(&mut *reader, &args.symbol, &args.store) };
    let window = Window::holding(symbol, args.resolution, args.window.0);
    let is_json = args.format == Format::Json;
    let limit = args.limit.unwrap_or(if is_json { usize::MAX } else { LISTED });
    let sources = Sources { log: &*log, settings: &settings, reader: &mut *reader, is_stopped: &|| false };
    let Some(explanation) = explain(sources, &[window], limit)?.pop() else { return Ok(()) };
    if explanation.is_empty() {
        check_known(&mut *reader, &args.symbol, &args.store)?;
    }
    if is_json {
        print(&format!("{}\n", escaped_json(&serde_json::to_string(&explanation)?)))?;
    } else {
        print(&table::text(&explanation))?;
    }
    explanation.mismatch().map_or(Ok(()), |what| Err(ExplainError::Mismatch { what }.into()))
}
