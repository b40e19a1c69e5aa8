//! Parsing of the feed's texts.
//!
//! Of an element only symbol and time are read. Its bytes go into the log unchanged and the `dataflows` crate decides
//! what they mean, so a bad element does not affect its neighbours.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A text from the feed.
#[derive(Debug)]
pub enum Frame<'a> {
    /// Trades, each as its JSON text.
    Trades(Vec<&'a RawValue>),
    /// Keep-alive.
    Ping,
    /// Error message of the feed.
    Error(String),
    /// Any other text, with its `type` if it has one.
    Other(Option<String>),
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    r#type: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    msg: Option<Cow<'a, str>>,
}

/// Parses the envelope of a text. An unknown or malformed text is [`Frame::Other`].
pub fn read(text: &str) -> Frame<'_> {
    let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(text) else { return Frame::Other(None) };
    let Some(kind) = envelope.r#type else { return Frame::Other(None) };
    let elements = envelope.data.and_then(|data| serde_json::from_str(data.get()).ok());
    match (kind.as_ref(), elements) {
        ("trade", Some(elements)) => Frame::Trades(elements),
        ("ping", _) => Frame::Ping,
        ("error", _) => Frame::Error(envelope.msg.unwrap_or_default().into_owned()),
        _ => Frame::Other(Some(kind.into_owned())),
    }
}

/// Whether a text holds trades, well-formed or not.
pub fn has_trades(text: &str) -> bool {
    matches!(read(text), Frame::Trades(elements) if !elements.is_empty())
}

/// Routing data of an element.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Address<'a> {
    /// Value of `s`. If the key is repeated, the last one counts.
    pub symbol: Option<Cow<'a, str>>,
    /// Value of `t`: its event time in Unix milliseconds. If the key is repeated, the last one counts.
    pub event_ms: Option<u64>,
    /// Whether it has a key `type`: as a record by itself it would not be read as a trade.
    pub has_type: bool,
}

/// Reads the routing data of an element; empty unless it is a JSON object.
pub fn address(element: &str) -> Address<'_> {
    serde_json::from_str(element).unwrap_or_default()
}

impl<'de: 'a, 'a> Deserialize<'de> for Address<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Address<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut address = Address::default();
                while let Some(Text(key)) = map.next_key::<Text<'de>>()? {
                    if key == "s" {
                        let value: &'de RawValue = map.next_value()?;
                        address.symbol = serde_json::from_str::<Text<'de>>(value.get()).ok().map(|text| text.0);
                    } else if key == "t" {
                        let value: &'de RawValue = map.next_value()?;
                        address.event_ms = serde_json::from_str(value.get()).ok();
                    } else {
                        address.has_type |= key == "type";
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(address)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

/// String that is copied only if it has escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_keep_their_bytes() {
        let text = r#"{"data":[{"p":1.50,"s":"A"}, 17 ,{"s" : "B\u0041"}],"type":"trade"}"#;
        let Frame::Trades(elements) = read(text) else { panic!("no trades") };
        let texts: Vec<_> = elements.iter().map(|element| element.get()).collect();
        assert_eq!(texts, [r#"{"p":1.50,"s":"A"}"#, "17", r#"{"s" : "B\u0041"}"#]);
    }

    #[test]
    fn other_texts_are_classified() {
        assert!(matches!(read(r#"{"type":"ping"}"#), Frame::Ping));
        assert!(matches!(read(r#"{"type":"error","msg":"too many"}"#), Frame::Error(msg) if msg == "too many"));
        assert!(matches!(read(r#"{"type":"news","data":[]}"#), Frame::Other(Some(kind)) if kind == "news"));
        assert!(matches!(read(r#"{"type":"trade","data":7}"#), Frame::Other(Some(_))));
        for text in ["", "[]", "{\"type\":7}", "{\"data\":[1]}", "{\"type\":\"trade\"", "null"] {
            assert!(matches!(read(text), Frame::Other(None)), "{text}");
        }
    }

    #[test]
    fn the_last_symbol_counts() {
        let symbol = |text| address(text).symbol.map(Cow::into_owned);
        assert_eq!(symbol(r#"{"s":"A","p":{"s":"X"},"s":"IC MARKETS:1"}"#).as_deref(), Some("IC MARKETS:1"));
        assert_eq!(symbol(r#"{"s":"B\u0041"}"#).as_deref(), Some("BA"));
        for bad in [r#"{"s":7}"#, r#"{"s":"A","s":null}"#, r#"{"p":1}"#, "17", "null", r#""s""#, "[]"] {
            assert_eq!(symbol(bad), None, "{bad}");
        }
        assert!(address(r#"{"type":"progress","s":"A"}"#).has_type);
        assert!(!address(r#"{"s":"type"}"#).has_type);
    }
}
