//! Reads all inputs, each once: recognizes the format of each, and collects its records.

use std::io::{BufRead, Cursor, Read};

use super::ImportError;
use super::csv::CsvTrades;
use super::input::{Input, OnBytes};
use super::json::{JsonTrades, elements};
use super::options::ReadOptions;
use super::records::{Collected, Collector};
use super::{json_values, lines, old_log};
use crate::log::Log;
use crate::process::os_error;

/// Maximum number of bytes by which a format is recognized.
const HEAD_BYTES_MAX: u64 = 1 << 20;

/// Reads the old log, if there is one, then the inputs in order, and keeps this many bytes of records in memory.
pub fn read(
    old: Option<&dyn Log>,
    inputs: &[Input],
    options: &ReadOptions,
    memory_bytes: usize,
    on_bytes: OnBytes<'_>,
) -> Result<Collected, ImportError> {
    let mut collector = Collector::new(options, memory_bytes);
    if let Some(old) = old {
        old_log::read(old, &mut collector)?;
    }
    for input in inputs {
        input.read(on_bytes, &mut |name, packed, text| read_text(name, packed, text, options, &mut collector))?;
    }
    collector.finish()
}

/// The way a text is written.
enum Format<'a> {
    Lines,
    Array,
    Objects,
    Table(Box<CsvTrades<'a>>),
}

fn read_text(
    name: &str,
    packed: &str,
    mut text: Box<dyn BufRead + '_>,
    options: &ReadOptions,
    collector: &mut Collector,
) -> Result<(), ImportError> {
    let failed = |e| ImportError::Read { input: name.to_owned(), line: 1, why: os_error::why(&e) };
    let head = head(&mut text).map_err(failed)?;
    let (format, why) = format(&head, name, options);
    let text = Cursor::new(head).chain(text);
    let title = match &format {
        Format::Lines => "JSON Lines",
        Format::Array => "a JSON array",
        Format::Objects => "JSON objects",
        Format::Table(table) => table.title(),
    };
    collector.begin(name, format!("{title}{packed}"));
    let trades = JsonTrades::new(options, name, why);
    let mut take = |line: u64, raw: &[u8]| json_record(line, raw, &trades, options, collector);
    match format {
        Format::Lines => lines::for_each(name, text, &mut take)?,
        Format::Array | Format::Objects => json_values::for_each(name, text, &mut take)?,
        Format::Table(mut table) => {
            let mut is_header = !table.has_no_header;
            lines::for_each(name, text, |line, raw| {
                if std::mem::take(&mut is_header) { Ok(()) } else { collector.converted(line, raw, table.trade(raw)) }
            })?;
        }
    }
    collector.end()
}

fn json_record(
    line: u64,
    raw: &[u8],
    trades: &JsonTrades<'_>,
    options: &ReadOptions,
    collector: &mut Collector,
) -> Result<(), ImportError> {
    if !options.is_other_shape() && collector.record(line, raw)? {
        return Ok(());
    }
    let Some(elements) = elements(raw) else { return collector.converted(line, raw, trades.trade(raw, None)) };
    for element in elements {
        let text = element.text.get().as_bytes();
        collector.converted(line, text, trades.trade(text, element.symbol.as_deref()))?;
    }
    Ok(())
}

/// The text up to the end of its first line that is not blank; after an opening brace, of the next one as well.
fn head(text: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut limited = text.take(HEAD_BYTES_MAX);
    while head.trim_ascii().is_empty() && limited.read_until(b'\n', &mut head)? > 0 {}
    if head.trim_ascii() == b"{" {
        // The next line decides whether this is an object over lines or a torn one.
        limited.read_until(b'\n', &mut head)?;
    }
    Ok(head)
}

/// The format of a text that begins like this, and why a line that is not JSON is not a trade.
fn format<'a>(head: &[u8], name: &str, options: &'a ReadOptions) -> (Format<'a>, String) {
    let mut lines = head.trim_ascii().splitn(2, |byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let (line, next) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let not_json = || "not one JSON object".to_owned();
    match line.first() {
        Some(b'[') => (Format::Array, not_json()),
        // An object that goes on over lines.
        Some(b'{') if line == b"{" && next.starts_with(b"\"") || line.ends_with(b"[") => (Format::Objects, not_json()),
        Some(b'{') | None => (Format::Lines, not_json()),
        Some(_) if options.preset.is_some() || !options.columns.is_empty() || is_tabular(line) => {
            match CsvTrades::new(options, name, line) {
                Ok(table) => (Format::Table(Box::new(table)), String::new()),
                Err(why) => (Format::Lines, why),
            }
        }
        Some(_) => (Format::Lines, not_json()),
    }
}

/// Whether a line that is not JSON may be a header.
fn is_tabular(line: &[u8]) -> bool {
    line.iter().filter(|byte| b",\t;|".contains(byte)).count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_recognized() {
        let plain = ReadOptions { symbol: Some("A".into()), ..ReadOptions::default() };
        let is = |text: &str| match format(&head(&mut text.as_bytes()).unwrap(), "x", &plain).0 {
            Format::Lines => "lines",
            Format::Array => "array",
            Format::Objects => "objects",
            Format::Table(_) => "table",
        };
        for (text, expected) in [
            ("", "lines"),
            ("\n\n{\"a\":1}\n", "lines"),
            ("  [\n{", "array"),
            ("\n{\n  \"a\"", "objects"),
            ("{\"trades\": [\n", "objects"),
            ("{\n{\"a\":1}\n", "lines"),
            ("time,price,size\n1,2,3", "table"),
            ("\n\ntime\tprice\tsize", "table"),
            ("a,b,c\n{}", "lines"),
            ("nonsense, really", "lines"),
            ("x,{\"a\":1},\n{}", "lines"),
        ] {
            assert_eq!(is(text), expected, "{text}");
        }
    }
}
