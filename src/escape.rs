//! Text from outside, made safe for a terminal: a character that [`name_policy`] forbids in names is shown as its
//! number, so that it is seen, moves nothing and commands nothing.

use std::borrow::Cow;
use std::fmt::Write as _;

use dataflows::name_policy;

/// A text with forbidden characters as `\u{202e}`.
pub fn escaped(text: &str) -> Cow<'_, str> {
    escaped_except(text, |_| false)
}

/// As [`escaped`], on several lines.
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    escaped_except(text, |c| c == '\n')
}

/// As [`escaped`], without the characters that the caller vouches for.
pub fn escaped_except(text: &str, keeps: impl Fn(char) -> bool) -> Cow<'_, str> {
    replaced(text, keeps, |c, out| out.extend(c.escape_unicode()))
}

/// A JSON text with forbidden characters as `\u202e`: the same value, since they can only be in its strings.
pub fn escaped_json(text: &str) -> Cow<'_, str> {
    replaced(
        text,
        |c| matches!(c, '\n' | '\r' | '\t'),
        |c, out| {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        },
    )
}

fn replaced(text: &str, keeps: impl Fn(char) -> bool, replace: impl Fn(char, &mut String)) -> Cow<'_, str> {
    let is_bad = |c: char| name_policy::is_forbidden(c) && !keeps(c);
    if !text.contains(is_bad) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_bad(c) {
            replace(c, &mut out);
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_characters_are_shown_as_numbers() {
        let name = "A\u{1b}]0;x\u{7}\u{202e}\u{e0041}\nB";
        assert_eq!(escaped(name), "A\\u{1b}]0;x\\u{7}\\u{202e}\\u{e0041}\\u{a}B");
        assert_eq!(escaped_lines(name), "A\\u{1b}]0;x\\u{7}\\u{202e}\\u{e0041}\nB");
        assert!(matches!(escaped("IC MARKETS:1 é"), Cow::Borrowed(_)));
    }

    #[test]
    fn escaped_json_is_the_same_value() {
        let value = serde_json::json!({ "a\u{9b}": "x\u{7f}\u{202e}\u{e0041}\u{1b}\n" });
        let text = serde_json::to_string_pretty(&value).unwrap();
        let safe = escaped_json(&text);
        assert!(safe.is_ascii() && safe.contains("\\udb40\\udc41") && safe.contains('\n'), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
    }
}
