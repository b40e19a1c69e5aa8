//! The fields of a trade as a file has them, and the canonical trade that they make.

use std::borrow::Cow;

use serde_json::Value;

use super::decimal_text::{json_number, shifted};
use super::event_time::{TimeRule, event_ms};

/// A field of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Event time.
    Time,
    /// Price.
    Price,
    /// Volume.
    Volume,
    /// Symbol.
    Symbol,
    /// Trade conditions.
    Conditions,
    /// The trade's name.
    Id,
}

impl Field {
    /// All of them; `ALL[f as usize] == f`.
    pub const ALL: [Self; 6] = [Self::Time, Self::Price, Self::Volume, Self::Symbol, Self::Conditions, Self::Id];

    /// Name in `--columns`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Price => "price",
            Self::Volume => "volume",
            Self::Symbol => "symbol",
            Self::Conditions => "conditions",
            Self::Id => "id",
        }
    }

    /// Usual names in files, in lower case, those of Finnhub first.
    pub const fn usual_names(self) -> &'static [&'static str] {
        match self {
            Self::Time => {
                &["t", "time", "timestamp", "ts", "datetime", "date", "transact_time", "trade_time", "ts_event"]
            }
            Self::Price => &["p", "price", "px", "trade_price", "last_price"],
            Self::Volume => &["v", "volume", "qty", "quantity", "size", "amount", "vol", "q"],
            Self::Symbol => &["s", "symbol", "ticker", "sym", "pair", "instrument", "product_id", "market"],
            Self::Conditions => &["c", "conditions", "condition", "sale_condition"],
            Self::Id => &["id", "trade_id", "tradeid", "tid", "i"],
        }
    }
}

/// The fields of one trade, as texts.
#[derive(Clone, Debug, Default)]
pub struct Fields<'a> {
    /// Texts by [`Field`], without the conditions.
    pub texts: [Option<Cow<'a, str>>; 6],
    /// Names of the fields in the file, for messages.
    pub names: [&'a str; 6],
    /// Trade conditions.
    pub conditions: Vec<Cow<'a, str>>,
    /// The price is in units of 10^-n.
    pub price_places: usize,
}

impl Fields<'_> {
    /// The canonical trade, or the reason why it is not a trade.
    pub fn canonical(&self, rule: &TimeRule, symbol: Option<&str>) -> Result<Vec<u8>, String> {
        let text = |field: Field| self.texts[field as usize].as_deref().filter(|text| !text.trim().is_empty());
        let name = |field: Field| match self.names[field as usize] {
            "" => field.name(),
            name => name,
        };
        let needed = |field| text(field).ok_or_else(|| format!("{} is missing", name(field)));
        let number = |field| {
            let text = needed(field)?;
            json_number(text).ok_or_else(|| format!("{} is not a number: {text}", name(field)))
        };
        let time_ms = event_ms(name(Field::Time), needed(Field::Time)?, rule)?;
        let price = number(Field::Price)?;
        let price = if self.price_places > 0 { Cow::Owned(shifted(&price, self.price_places)) } else { price };
        let volume = number(Field::Volume)?;
        let symbol = text(Field::Symbol).or(symbol).ok_or("there is no symbol; use --symbol S")?;
        let id = text(Field::Id).map_or_else(String::new, |id| format!(r#""id":{},"#, quoted(id)));
        let conditions: Vec<String> = self.conditions.iter().map(|code| quoted(code)).collect();
        let (conditions, symbol) = (conditions.join(","), quoted(symbol));
        let trade = format!(r#"{{"c":[{conditions}],{id}"p":{price},"s":{symbol},"t":{time_ms},"v":{volume}}}"#);
        Ok(trade.into_bytes())
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trade_keeps_every_digit() {
        let texts = ["1717421400000.0", "0.12369999999999999", ".5", "A\"B", "", "7"];
        let mut fields = Fields { texts: texts.map(|text| Some(Cow::Borrowed(text))), ..Fields::default() };
        fields.conditions = vec!["@".into(), "T".into()];
        let made = |fields: &Fields<'_>, symbol| {
            fields.canonical(&TimeRule::default(), symbol).map(|bytes| String::from_utf8(bytes).unwrap())
        };
        assert_eq!(
            made(&fields, Some("other")).unwrap(),
            r#"{"c":["@","T"],"id":"7","p":0.12369999999999999,"s":"A\"B","t":1717421400000,"v":0.5}"#
        );
        fields.texts[Field::Symbol as usize] = None;
        assert_eq!(made(&fields, None), Err("there is no symbol; use --symbol S".to_owned()));
        assert!(made(&fields, Some("X")).unwrap().contains(r#""s":"X""#));
        fields.names[Field::Price as usize] = "px";
        fields.texts[Field::Price as usize] = Some("1,5".into());
        assert_eq!(made(&fields, None), Err("px is not a number: 1,5".to_owned()));
        fields.texts[Field::Price as usize] = Some(" ".into());
        assert_eq!(made(&fields, None), Err("px is missing".to_owned()));
    }
}
