//! A text as a cell of a CSV file, and back.
//!
//! A spreadsheet takes a text that begins like a formula for one, and runs it. Such a text gets an apostrophe in front,
//! which spreadsheets read as "this is text". Numbers are not texts: they are written as they are.

use std::borrow::Cow;

use crate::escape::escaped;

/// First characters of formulas; spreadsheets take the full-width forms for the same.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// The cell of a text, quoted where necessary. Characters that names must not hold are shown as numbers, `\u{202e}`.
pub fn cell(text: &str) -> String {
    let text = harmless(text);
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.into_owned() }
}

/// Whether a cell holds the text itself.
pub fn is_exact(text: &str) -> bool {
    harmless(text) == text
}

/// The text of an unquoted cell that [`cell`] may have written.
pub fn text_of(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|text| text.starts_with(FORMULA)).unwrap_or(cell)
}

fn harmless(text: &str) -> Cow<'_, str> {
    let text = escaped(text);
    if text.starts_with(FORMULA) { Cow::Owned(format!("'{text}")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for text in ["=1+1", "+A", "-A", "@SUM(A1)", "=HYPERLINK(\"http://h\")", "＝1", "-1"] {
            let cell = cell(text);
            assert!(cell.trim_start_matches('"').starts_with('\''), "{cell}");
            assert!(!is_exact(text));
            assert_eq!(text_of(&format!("'{text}")), text);
        }
        assert_eq!(cell("\t=1"), "\\u{9}=1");
        assert_eq!(cell("\r\n=1"), "\\u{d}\\u{a}=1");
        assert_eq!(cell("A\u{202e}\u{1b}[2J"), "A\\u{202e}\\u{1b}[2J");
    }

    #[test]
    fn other_texts_are_unchanged() {
        for text in ["AAPL", "IC MARKETS:1", "'quoted'", "'A", "A=1", ""] {
            assert_eq!((cell(text).as_str(), is_exact(text), text_of(text)), (text, true, text));
        }
        assert_eq!(cell("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
