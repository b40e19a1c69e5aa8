//! Parsing of symbol lists. Every field may be missing, and a bad element does not affect the others.

use dataflows::name_policy;
use dataflows::symbols::symbol::Symbol;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::escape::escaped;
use crate::secret::registry::masked;

/// Maximum length of a field in bytes; longer texts are cut.
const TEXT_BYTES_MAX: usize = 512;
/// Bytes of a bad element that are shown.
const SHOWN_BYTES_MAX: usize = 80;

/// Symbol of an exchange, as listed today. Missing fields are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Listed {
    /// Symbol as the feed spells it.
    pub symbol: Name,
    /// Display symbol.
    pub display_symbol: Text,
    /// Name of the company, fund or pair.
    pub description: Text,
    /// Market identifier code.
    pub mic: Text,
    /// Currency of its prices.
    pub currency: Text,
    /// Kind of security, as OpenFIGI names it.
    pub r#type: Text,
    /// Financial Instrument Global Identifier.
    pub figi: Text,
    /// ISO 6166; only for some markets and plans.
    pub isin: Text,
}

/// Name by which something is asked for: unchanged; `null` is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Option<String>")]
pub struct Name(pub String);

impl From<Option<String>> for Name {
    fn from(text: Option<String>) -> Self {
        Self(text.unwrap_or_default().trim_matches(' ').to_owned())
    }
}

/// Single-line text of bounded length; `null` is empty. A character that names must not hold is a space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(pub String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        let text = text.replace(name_policy::is_forbidden, " ");
        Ok(Self(text[..text.floor_char_boundary(TEXT_BYTES_MAX)].trim().to_owned()))
    }
}

/// Parsed symbol list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Symbols.
    pub listed: Vec<Listed>,
    /// For each bad element: its index, what is wrong, and its beginning.
    pub bad: Vec<String>,
}

/// Parses the response to `stock/symbol`, `crypto/symbol` or `forex/symbol`.
pub fn symbols(bytes: &[u8]) -> Result<Answer, String> {
    let elements: Vec<&RawValue> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let mut answer = Answer::default();
    for (place, element) in elements.iter().enumerate() {
        let text = element.get();
        match serde_json::from_str::<Listed>(text) {
            Ok(listed) if is_symbol(&listed.symbol.0) => answer.listed.push(listed),
            wrong => {
                let why = |listed: Listed| match name_policy::check(&listed.symbol.0) {
                    Ok(()) => "missing or invalid symbol".to_owned(),
                    Err(why) => format!("invalid symbol: {why}"),
                };
                let why = wrong.map_or_else(|error| error.to_string(), why);
                // Masked before it is cut: of a secret that is cut nothing would be masked.
                let text = masked(text);
                let shown = escaped(&text[..text.floor_char_boundary(SHOWN_BYTES_MAX)]);
                answer.bad.push(format!("element {place}: {why}: {shown}"));
            }
        }
    }
    Ok(answer)
}

fn is_symbol(text: &str) -> bool {
    Symbol::new(text).is_some()
}

/// Parses the response to `crypto/exchange` or `forex/exchange`: distinct names, without empty and invalid ones.
pub fn names(bytes: &[u8]) -> Result<Vec<String>, String> {
    let texts: Vec<Name> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let is_name = |name: &String| match name_policy::check(name) {
        Ok(()) => !name.is_empty(),
        Err(why) => {
            tracing::warn!(exchange = name, %why, "an exchange is left out, because its name is invalid");
            false
        }
    };
    let mut names: Vec<String> = texts.into_iter().map(|text| text.0).filter(is_name).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_element_is_skipped() {
        let answer = symbols(
            r#"[{"symbol":"A","description":null,"figi":"F","more":{"x":[1]}}, 7, {"symbol":"B","mic":5},
                {"symbol":""}, {"description":"no symbol"}, null,
                {"symbol":"C","description":"two\nlines","type":"ADR"}]"#
                .as_bytes(),
        )
        .unwrap();
        let read: Vec<_> = answer.listed.iter().map(|l| (&*l.symbol.0, &*l.description.0, &*l.r#type.0)).collect();
        assert_eq!(read, [("A", "", ""), ("C", "two lines", "ADR")]);
        let places: Vec<_> = answer.bad.iter().map(|bad| bad.split(':').next().unwrap()).collect();
        assert_eq!(places, ["element 1", "element 2", "element 3", "element 4", "element 5"]);
        assert!(symbols(b"{}").is_err() && symbols(b"[{}").is_err());
    }

    #[test]
    fn hidden_characters_make_no_symbol() {
        let list =
            r#"[{"symbol":"A\u202eB"},{"symbol":"A\nB"},{"symbol":"A\u200b"},{"symbol":"A","description":"x\u202ey"}]"#;
        let answer = symbols(list.as_bytes()).unwrap();
        let read: Vec<_> = answer.listed.iter().map(|l| (&*l.symbol.0, &*l.description.0)).collect();
        assert_eq!(read, [("A", "x y")]);
        let codes = ["U+202E", "U+000A", "U+200B"];
        assert!(answer.bad.iter().zip(codes).all(|(bad, code)| bad.contains(code)), "{:?}", answer.bad);
        assert_eq!(answer.bad.len(), codes.len());
    }

    #[test]
    fn texts_are_cut_between_characters() {
        let long = format!(r#"[{{"symbol":"A","description":"x{}"}}]"#, "é".repeat(TEXT_BYTES_MAX));
        assert_eq!(symbols(long.as_bytes()).unwrap().listed[0].description.0.len(), TEXT_BYTES_MAX - 1);
        assert!(symbols(format!(r#"[{{"symbol":"{}"}}]"#, "A".repeat(129)).as_bytes()).unwrap().listed.is_empty());
    }

    #[test]
    fn names_are_distinct() {
        let list = r#"["B","IC MARKETS","B","",null,"A\u202eB","A\u001b"]"#;
        assert_eq!(names(list.as_bytes()).unwrap(), ["B", "IC MARKETS"]);
        assert!(names(b"[1]").is_err());
    }
}
