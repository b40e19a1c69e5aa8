//! What can still be read of a rejected record, or of a rejected element of a frame.

use dataflows::log::control::is_reserved;
use dataflows::log::json::{integer, object, text};

/// What bytes show.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Read {
    /// Of which symbol it was meant to be a trade.
    Trade {
        /// The symbol.
        symbol: String,
        /// Its other fields.
        trade: ReadTrade,
    },
    /// It is a control record.
    Control,
    /// They name no symbol.
    Nothing,
}

/// The fields of a rejected trade, each where it can be read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ReadTrade {
    pub(super) event_ms: Option<u64>,
    pub(super) price: Option<f64>,
    pub(super) volume: Option<f64>,
    pub(super) conditions: Vec<String>,
}

/// Reads the bytes.
pub(super) fn read(bytes: &[u8]) -> Read {
    let Some(fields) = object(bytes) else { return Read::Nothing };
    let Some(symbol) = fields.get("s").and_then(|symbol| text(symbol)) else {
        let kind = fields.get("type").and_then(|kind| text(kind));
        let is_control = kind.is_some_and(|kind| kind != "trade" && is_reserved(&kind));
        return if is_control { Read::Control } else { Read::Nothing };
    };
    // A number that is too large for a double is shown as none.
    let number = |name| fields.get(name).and_then(|value| value.get().parse::<f64>().ok()).filter(|n| n.is_finite());
    let event_ms = fields.get("t").and_then(|time| integer(time)).and_then(|time| u64::try_from(time).ok());
    let conditions = fields.get("c").and_then(|list| serde_json::from_str(list.get()).ok()).unwrap_or_default();
    let trade = ReadTrade { event_ms, price: number("p"), volume: number("v"), conditions };
    Read::Trade { symbol, trade }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_is_read_as_there_is() {
        let of = |json: &str| match read(json.as_bytes()) {
            Read::Trade { symbol, trade } => Some((symbol, trade.event_ms, trade.price, trade.volume)),
            Read::Control | Read::Nothing => None,
        };
        let all = of(r#"{"s":"A","t":7,"p":1.5,"v":2,"c":["1"]}"#);
        assert_eq!(all, Some(("A".to_owned(), Some(7), Some(1.5), Some(2.0))));
        let some = of(r#"{"type":"trade","s":"A","t":7.0,"p":"1.5","v":1e999}"#);
        assert_eq!(some, Some(("A".to_owned(), None, None, None)));
        assert_eq!(of(r#"{"s":"A","t":-7}"#), Some(("A".to_owned(), None, None, None)), "no window is before 1970");
        assert_eq!(read(br#"{"type":"progress","source":"a"}"#), Read::Control);
        for nothing in [r#"{"t":7}"#, r#"{"s":7,"t":7}"#, "[1]", "", r#"{"s":"A""#, r#"{"type":"other"}"#] {
            assert_eq!(read(nothing.as_bytes()), Read::Nothing, "{nothing}");
        }
    }
}
