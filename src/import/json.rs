//! Trades as JSON objects of other shapes: numbers as texts, other names, other units, many trades in one object.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::event_time::TimeRule;
use super::fields::{Field, Fields};
use super::options::ReadOptions;

/// The fields of an object as JSON text.
type Object<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// Keys under which an API's answer has its trades.
const LISTS: [&str; 3] = ["trades", "results", "data"];

/// Reader of objects, for one input.
pub struct JsonTrades<'a> {
    options: &'a ReadOptions,
    names: [Vec<&'a str>; 6],
    rule: TimeRule,
    symbol: Option<String>,
    /// Why anything but an object is not a trade.
    not_json: String,
}

/// A trade in an object with many.
pub struct Element<'a> {
    /// Its own text.
    pub text: &'a RawValue,
    /// The symbol that the object names for it.
    pub symbol: Option<String>,
}

impl<'a> JsonTrades<'a> {
    /// A reader for the input of this name.
    pub fn new(options: &'a ReadOptions, name: &str, not_json: String) -> Self {
        let names = Field::ALL.map(|field| options.names(field));
        Self { options, names, rule: options.time_rule(name), symbol: options.symbol(name), not_json }
    }

    /// The canonical trade that an object is, or the reason why it is not a trade.
    pub fn trade(&self, json: &[u8], symbol: Option<&str>) -> Result<Vec<u8>, String> {
        let Ok(object) = serde_json::from_slice::<Object<'_>>(json) else {
            return Err(self.not_json.clone());
        };
        if let Some(kind) = object.get("type").filter(|_| self.options.preset.is_none()) {
            // Finnhub's frames and control records have a type, and are read by the dataflow alone.
            return Err(format!("a record of type {kind} that is not valid"));
        }
        let mut fields = Fields::default();
        for field in Field::ALL {
            let found = self.names[field as usize].iter().find_map(|name| Some((*name, *object.get(*name)?)));
            let Some((name, value)) = found else { continue };
            fields.names[field as usize] = name;
            if field == Field::Conditions {
                fields.conditions = conditions(value).ok_or_else(|| format!("{name} is not a list of texts"))?;
            } else {
                fields.texts[field as usize] =
                    scalar(value).ok_or_else(|| format!("{name} is not a text or number"))?;
            }
        }
        for (place, name) in fields.names.iter_mut().enumerate().filter(|(_, name)| name.is_empty()) {
            *name = self.names[place].first().copied().unwrap_or_default();
        }
        let price = fields.texts[Field::Price as usize].as_deref().unwrap_or_default();
        fields.price_places = self.options.price_places(price);
        fields.canonical(&self.rule, symbol.or(self.symbol.as_deref()))
    }
}

/// The trades in the answer of an API: a list, or a list for each symbol. `None` if the object is not one.
pub fn elements(json: &[u8]) -> Option<Vec<Element<'_>>> {
    let object: Object<'_> = serde_json::from_slice(json).ok()?;
    if object.contains_key("type") {
        return None;
    }
    let value = LISTS.iter().find_map(|name| object.get(*name))?;
    let named = object.get("symbol").and_then(|value| String::deserialize(*value).ok());
    if let Ok(list) = Vec::<&RawValue>::deserialize(*value) {
        return Some(list.into_iter().map(|text| Element { text, symbol: named.clone() }).collect());
    }
    let lists: BTreeMap<String, Vec<&RawValue>> = BTreeMap::deserialize(*value).ok()?;
    let of_symbol = |(symbol, list): (String, Vec<_>)| {
        list.into_iter().map(move |text| Element { text, symbol: Some(symbol.clone()) }).collect::<Vec<_>>()
    };
    Some(lists.into_iter().flat_map(of_symbol).collect())
}

/// A text or a number as text; `Some(None)` for null, `None` for anything else.
fn scalar(value: &RawValue) -> Option<Option<Cow<'_, str>>> {
    let json = value.get();
    match json.as_bytes().first() {
        Some(b'"') => String::deserialize(value).ok().map(|text| Some(Cow::Owned(text))),
        Some(b'n') => Some(None),
        Some(b'-' | b'0'..=b'9') => Some(Some(Cow::Borrowed(json))),
        _ => None,
    }
}

/// A list of texts or numbers, one text, or null.
fn conditions(value: &RawValue) -> Option<Vec<Cow<'_, str>>> {
    match Vec::<&RawValue>::deserialize(value) {
        Ok(list) => list.into_iter().map(|code| scalar(code).flatten()).collect(),
        Err(_) => Some(scalar(value)?.into_iter().collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::preset::Preset;

    fn made(options: &ReadOptions, json: &str) -> Result<String, String> {
        let trade = JsonTrades::new(options, "x", "not JSON".into()).trade(json.as_bytes(), None);
        trade.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn other_spellings_make_trades() {
        let options = ReadOptions::default();
        let trade = |c: &str, id: &str| Ok(format!(r#"{{"c":[{c}],{id}"p":0.10,"s":"A","t":1717421400000,"v":5.0}}"#));
        for (json, c, id) in [
            (r#"{"c":[14,37],"p":0.10,"s":"A","t":1717421400000,"v":5.0}"#, r#""14","37""#, ""),
            (r#"{"c":"@ I","p":"0.10","s":"A","t":"1717421400000","v":"5.0"}"#, r#""@ I""#, ""),
            (r#"{"c":null,"p":0.10,"s":"A","t":1.7174214E12,"v":5.0,"id":7}"#, "", r#""id":"7","#),
            (r#"{"price":"0.10","symbol":"A","time":"2024-06-03T13:30:00Z","size":5.0}"#, "", ""),
        ] {
            assert_eq!(made(&options, json), trade(c, id), "{json}");
        }
        for (json, why) in [
            ("7", "not JSON"),
            (r#"{"p":1,"s":"A","t":1717421400,"v":1}"#, "t looks like seconds; use --time-unit s"),
            (r#"{"p":1,"s":"A","t":1717421400000}"#, "v is missing"),
            (r#"{"p":true,"s":"A","t":1717421400000,"v":1}"#, "p is not a text or number"),
            (r#"{"c":{},"p":1,"s":"A","t":1717421400000,"v":1}"#, "c is not a list of texts"),
            (r#"{"p":1,"t":1717421400000,"v":1}"#, "there is no symbol; use --symbol S"),
            (r#"{"type":"trade","data":7}"#, "a record of type \"trade\" that is not valid"),
        ] {
            assert_eq!(made(&options, json), Err(why.to_owned()));
        }
    }

    #[test]
    fn answers_of_apis_hold_many() {
        let one = br#"{"symbol":"A","trades":[{"p":1},{"p":2}],"next_page_token":null}"#;
        let many = br#"{"trades":{"A":[{"p":1}],"B":[{"p":2}]}}"#;
        let found = |json| {
            let list: Vec<Element<'_>> = elements(json).unwrap();
            list.into_iter().map(|e| format!("{} {}", e.symbol.unwrap_or_default(), e.text)).collect::<Vec<_>>()
        };
        assert_eq!(found(&one[..]), [r#"A {"p":1}"#, r#"A {"p":2}"#]);
        assert_eq!(found(&many[..]), [r#"A {"p":1}"#, r#"B {"p":2}"#]);
        assert!(elements(br#"{"type":"trade","data":[]}"#).is_none() && elements(b"[]").is_none());
    }

    #[test]
    fn a_preset_names_its_own_keys() {
        let alpaca = ReadOptions { preset: Some(Preset::from_name("alpaca").unwrap()), ..ReadOptions::default() };
        let json =
            r#"{"t":"2024-06-03T13:30:00.1239Z","x":"V","p":2.5,"s":100,"c":["@","I"],"i":5,"z":"C","S":"AAPL"}"#;
        assert_eq!(
            made(&alpaca, json).unwrap(),
            r#"{"c":["@","I"],"id":"5","p":2.5,"s":"AAPL","t":1717421400123,"v":100}"#
        );
    }
}
