//! What is wrong with a TOML text, without any of the text: a file may hold a password, or be another file than meant.

use toml::de::Error;

/// Place and cause of an error: `line 3, column 5: unknown field ...`. Keys may be named, values are not.
pub fn describe(text: &str, error: &Error) -> String {
    let start = error.span().map_or(0, |span| text.floor_char_boundary(span.start));
    let before = &text[..start];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}: {}", without_value(error.message()))
}

/// A message without the value that it names: of `invalid type: integer `5`, expected a string` the value is in the
/// middle.
fn without_value(message: &str) -> String {
    let message = message.trim_end();
    let names_value = ["invalid type: ", "invalid value: ", "unknown variant ", "invalid length "];
    let Some(kind) = names_value.into_iter().find(|kind| message.starts_with(kind)) else {
        return message.replace('\n', "; ");
    };
    let expected = message.rsplit_once(", expected ").map_or_else(String::new, |(_, e)| format!(", expected {e}"));
    kind.trim_end_matches([':', ' ']).to_owned() + &expected
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only its errors matter")]
    struct Shape {
        number: Option<u8>,
        text: Option<String>,
        one_of: Option<Choice>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Choice {
        First,
        Second,
    }

    #[test]
    fn errors_name_the_place_and_no_value() {
        for (text, wanted) in [
            ("\nnumber = 'canary'", "line 2, column 10: invalid type, expected u8"),
            ("text = 'é'\nnumber = 1234567", "line 2, column 10: invalid value, expected u8"),
            ("one_of = 'canary'", "line 1, column 10: unknown variant, expected `first` or `second`"),
            ("password = 'canary'", "line 1, column 1: unknown field `password`, expected one of"),
            ("sasl.password=canary secret", "line 1, column 15: "),
            ("text = 'canary", "line 1, column "),
            ("canary", "line 1, column "),
        ] {
            let described = describe(text, &toml::from_str::<Shape>(text).unwrap_err());
            assert!(described.starts_with(wanted), "{text:?}: {described}");
            let is_shown = ["canary", "1234567"].iter().any(|value| described.contains(value));
            assert!(!is_shown && !described.contains('\n'), "{text:?}: {described}");
        }
    }
}
