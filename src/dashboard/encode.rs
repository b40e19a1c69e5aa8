//! JSON of every answer and event, also safe inside of HTML and scripts.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::error::ApiError;

/// Encodes a value as JSON in which `<`, `>`, `&`, U+2028 and U+2029 are escaped.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, ApiError> {
    let mut json = Vec::new();
    value
        .serialize(&mut Serializer::with_formatter(&mut json, Escaped))
        .map_err(|error| ApiError::unavailable(format!("cannot encode an answer: {error}"), "report this as a bug"))?;
    Ok(json)
}

/// The compact form, but for characters that end a script or a line of one.
struct Escaped;

impl Formatter for Escaped {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (before, from) = rest.split_at(at);
            let mut characters = from.chars();
            let escaped = characters.next().map_or(0, u32::from);
            write!(writer, "{before}\\u{escaped:04x}")?;
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_end_a_script_and_reads_back_the_same() {
        let text = "</script>&\u{2028}a\u{2029}\"\\\u{202e}é";
        let json = String::from_utf8(encode(text).unwrap()).unwrap();
        assert_eq!(json, "\"\\u003c/script\\u003e\\u0026\\u2028a\\u2029\\\"\\\\\u{202e}é\"");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
