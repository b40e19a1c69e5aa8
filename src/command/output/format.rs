//! Output formats, and writing to standard output.

use std::io::{BufWriter, ErrorKind, Write};

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::escape::escaped_json;

/// Output format. Each command accepts some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people
    Table,
    /// Comma-separated values with a header; numbers read back as the same double
    Csv,
    /// JSON: an array of objects, or one object
    Json,
    /// Candlestick chart in text
    Chart,
    /// One symbol per line, as `ingest --watchlist` reads it
    Plain,
}

impl Format {
    /// Formats of candles.
    pub const OF_ROWS: [Self; 4] = [Self::Table, Self::Csv, Self::Json, Self::Chart];
    /// Formats of symbols.
    pub const OF_SYMBOLS: [Self; 4] = [Self::Table, Self::Csv, Self::Json, Self::Plain];
    /// Formats of other lists.
    pub const OF_LISTS: [Self; 3] = [Self::Table, Self::Csv, Self::Json];
    /// Formats of reports.
    pub const OF_REPORTS: [Self; 2] = [Self::Table, Self::Json];

    /// Parser that accepts only these formats, and lists them in the help.
    pub fn among(formats: &[Self]) -> impl TypedValueParser<Value = Self> + use<> {
        let names = formats.iter().filter_map(Self::to_possible_value);
        PossibleValuesParser::new(names).try_map(|name| Self::from_str(&name, false))
    }
}

/// Writes to standard output. A reader that closes the pipe (`| head`) is not an error.
pub fn print(text: &str) -> anyhow::Result<()> {
    print_with(|out| Ok(out.write_all(text.as_bytes())?))
}

/// Runs `write` on standard output. A reader that closes the pipe is not an error.
pub fn print_with(write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let written = write(&mut out).and_then(|()| Ok(out.flush()?));
    match written.as_ref().err().and_then(|error| error.downcast_ref::<std::io::Error>()) {
        Some(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        _ => written,
    }
}

/// A JSON array of these objects, one object per line.
pub fn json_array(objects: impl Iterator<Item = serde_json::Result<String>>) -> anyhow::Result<String> {
    let objects = objects.collect::<serde_json::Result<Vec<_>>>()?;
    Ok(if objects.is_empty() { "[]\n".to_string() } else { format!("[\n{}\n]\n", escaped_json(&objects.join(",\n"))) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_accepts_only_its_formats() {
        let formats = clap::Arg::new("format").long("format").value_parser(Format::among(&Format::OF_REPORTS));
        let command = clap::Command::new("t").arg(formats);
        let parse = |name: &str| command.clone().try_get_matches_from(["t", "--format", name]);
        assert_eq!(parse("json").unwrap().get_one::<Format>("format"), Some(&Format::Json));
        let error = parse("chart").unwrap_err().to_string();
        assert!(error.contains("table") && error.contains("json") && !error.contains("plain"), "{error}");
    }
}
