//! The options of `candles` and `indicators`: which rows of which symbol, and the output format.

use crate::command::UsageError;
use crate::command::options::moment::Moment;
use crate::command::output::chart::Canvas;
use crate::command::output::format::Format;
use crate::command::output::suggest;
use crate::process::messages::note;
use crate::store::address::StoreAddress;
use crate::store::{Range, StoreReader};

/// Rows of one symbol, and their output format.
#[derive(Clone, Debug, clap::Args)]
pub struct ReadArgs {
    /// The store to read: sqlite:PATH or cassandra://HOST:PORT/KEYSPACE
    #[arg(long, env = "TICKLINE_STORE", value_name = "STORE")]
    pub store: StoreAddress,
    /// The symbol, as the feed spells it
    #[arg(long)]
    pub symbol: String,
    /// Start of the first window (inclusive): 2013-10-07T13:30:00Z, a date, seconds or milliseconds since 1970,
    /// "2h ago", now
    #[arg(long, value_name = "TIME")]
    pub from: Option<Moment>,
    /// Upper bound of window starts (exclusive), in the same forms
    #[arg(long, value_name = "TIME")]
    pub to: Option<Moment>,
    /// Show only the newest N rows [default: all; in a chart, those that fit]
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Output format
    #[arg(long, value_parser = Format::among(&Format::OF_ROWS), default_value = "table")]
    pub format: Format,
}

impl ReadArgs {
    /// The range of windows to read.
    pub fn range(&self) -> Range {
        let all = if self.format == Format::Chart { Canvas::of_stdout().windows() } else { usize::MAX };
        Range {
            from_ms: self.from.map_or(0, |from| from.0),
            to_ms: self.to.map_or(u64::MAX, |to| to.0),
            limit: self.limit.unwrap_or(all),
        }
    }

    /// Explains an empty result: `Ok` when the symbol is known and only the range is empty.
    pub fn check_symbol(&self, reader: &mut dyn StoreReader) -> anyhow::Result<()> {
        check_known(reader, &self.symbol, &self.store)?;
        note(format_args!("no rows for {} in this range", self.symbol));
        Ok(())
    }
}

/// Fails if the store has no candle of a symbol, and suggests similar ones.
pub fn check_known(reader: &mut dyn StoreReader, symbol: &str, store: &StoreAddress) -> anyhow::Result<()> {
    let known: Vec<String> = reader.latest()?.into_iter().map(|(symbol, _)| symbol).collect();
    if known.iter().any(|known| known == symbol) {
        return Ok(());
    }
    let hint = match suggest::suggest(symbol, &known) {
        similar if !similar.is_empty() => format!("did you mean {}?", similar.join(", ")),
        _ if known.is_empty() => "the store has no candles yet".to_string(),
        _ => format!("none of its {} symbols is similar", known.len()),
    };
    Err(UsageError(format!("unknown symbol {symbol} in {store}; {hint}")).into())
}
