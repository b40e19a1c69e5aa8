//! Parsing of symbol lists. Every field may be missing, and a bad element does not affect the others.

use dataflows::symbols::symbol::Symbol;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Maximum length of a field in bytes; longer texts are cut.
const TEXT_BYTES_MAX: usize = 512;
/// Bytes of a bad element that are shown.
const SHOWN_BYTES_MAX: usize = 80;

/// Symbol of an exchange, as listed today. Missing fields are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Listed {
    /// Symbol as the feed spells it.
    pub symbol: Text,
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

/// Single-line text of bounded length; `null` is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(pub String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        let text = text.replace(char::is_control, " ");
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
            Ok(listed) if Symbol::new(&listed.symbol.0).is_some() => answer.listed.push(listed),
            wrong => {
                let why = wrong.map_or_else(|error| error.to_string(), |_| "missing or invalid symbol".to_owned());
                let shown = text[..text.floor_char_boundary(SHOWN_BYTES_MAX)].replace(char::is_control, " ");
                answer.bad.push(format!("element {place}: {why}: {shown}"));
            }
        }
    }
    Ok(answer)
}

/// Parses the response to `crypto/exchange` or `forex/exchange`: distinct names, without empty ones.
pub fn names(bytes: &[u8]) -> Result<Vec<String>, String> {
    let texts: Vec<Text> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let mut names: Vec<String> = texts.into_iter().map(|text| text.0).filter(|name| !name.is_empty()).collect();
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
    fn texts_are_cut_between_characters() {
        let long = format!(r#"[{{"symbol":"A","description":"x{}"}}]"#, "é".repeat(TEXT_BYTES_MAX));
        assert_eq!(symbols(long.as_bytes()).unwrap().listed[0].description.0.len(), TEXT_BYTES_MAX - 1);
        assert!(symbols(format!(r#"[{{"symbol":"{}"}}]"#, "A".repeat(129)).as_bytes()).unwrap().listed.is_empty());
    }

    #[test]
    fn names_are_distinct() {
        assert_eq!(names(br#"["B","IC MARKETS","B","",null]"#).unwrap(), ["B", "IC MARKETS"]);
        assert!(names(b"[1]").is_err());
    }
}
