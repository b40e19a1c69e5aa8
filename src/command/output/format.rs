//! What the reading commands share: which rows, in which form, and what is said when there are none.

use std::io::{BufWriter, ErrorKind, Write};

use clap::ValueEnum;

use crate::command::UsageError;
use crate::store::address::StoreAddress;
use crate::store::{Range, StoreReader};

/// Which rows are wanted, and in which form.
#[derive(Clone, Debug, clap::Args)]
pub struct ReadArgs {
    /// The store to read
    #[arg(long, env = "TICKLINE_STORE", value_name = "STORE")]
    pub store: StoreAddress,
    /// The symbol, as the feed spells it
    #[arg(long)]
    pub symbol: String,
    /// First window start: RFC 3339, or milliseconds since 1970
    #[arg(long, value_name = "TIME")]
    pub from: Option<crate::time::Moment>,
    /// First window start that is not wanted any more
    #[arg(long, value_name = "TIME")]
    pub to: Option<crate::time::Moment>,
    /// Only the newest so many [default: all; of a chart, those that fit]
    #[arg(long)]
    pub limit: Option<usize>,
    /// How they are shown
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// How rows are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people
    Table,
    /// Comma-separated values with a header, numbers in the shortest form that reads back as the same double
    Csv,
    /// One array of objects
    Json,
    /// Candlesticks in text
    Chart,
}

impl ReadArgs {
    /// The windows that are wanted.
    pub fn range(&self) -> Range {
        let fits = self.format == Format::Chart;
        let all = if fits { crate::command::output::chart::Canvas::of_stdout().windows() } else { usize::MAX };
        Range {
            from_ms: self.from.map_or(0, |from| from.0),
            to_ms: self.to.map_or(u64::MAX, |to| to.0),
            limit: self.limit.unwrap_or(all),
        }
    }

    /// Why there are no rows: `Ok` when the symbol is known and just has none in the range.
    pub fn check_symbol(&self, reader: &mut dyn StoreReader) -> anyhow::Result<()> {
        let known: Vec<String> = reader.latest()?.into_iter().map(|(symbol, _)| symbol).collect();
        if known.contains(&self.symbol) {
            eprintln!("{} has no rows in this range", self.symbol);
            return Ok(());
        }
        let hint = match crate::command::output::suggest::near(&self.symbol, &known) {
            near if !near.is_empty() => format!("did you mean {}?", near.join(", ")),
            _ if known.is_empty() => "it holds no candles yet".to_string(),
            _ => format!("it holds {} symbols, none of them alike", known.len()),
        };
        Err(UsageError(format!("{} is no symbol of {}: {hint}", self.symbol, self.store)).into())
    }
}

/// Writes to standard output. A reader that has seen enough (`| head`) is no error.
pub fn print(text: &str) -> anyhow::Result<()> {
    print_with(|out| Ok(out.write_all(text.as_bytes())?))
}

/// Lets `write` write to standard output, likewise.
pub fn print_with(write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let written = write(&mut out).and_then(|()| Ok(out.flush()?));
    match written.as_ref().err().and_then(|error| error.downcast_ref::<std::io::Error>()) {
        Some(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        _ => written,
    }
}

/// A CSV field, in quotes where it must be.
pub fn csv_field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_string() }
}

/// JSON objects as one array, an object a line.
pub fn json_array(objects: impl Iterator<Item = serde_json::Result<String>>) -> anyhow::Result<String> {
    let objects = objects.collect::<serde_json::Result<Vec<_>>>()?;
    Ok(if objects.is_empty() { "[]\n".to_string() } else { format!("[\n{}\n]\n", objects.join(",\n")) })
}
