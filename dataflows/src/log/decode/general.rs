//! The general reader: any JSON, with any order of keys, white space, escapes, exponents and types. Only it rejects.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{RawTrade, TRADE_ID_BYTES_MAX, Visitor, in_range};
use crate::log::control::{self, ControlKind};
use crate::log::decimal::{self, Decimal, DecimalError, PRICE_DIGITS, VOLUME_DIGITS};
use crate::log::json::{Fields, integer, object, text};
use crate::log::reject::Reason;
use crate::symbols::symbol::Symbol;

/// Length of a schema registry's header: a zero byte and four bytes of a number.
const SCHEMA_HEADER_BYTES: usize = 5;

/// Decodes any record.
pub fn decode(record: &[u8], visitor: &mut impl Visitor) {
    let Some(fields) = object(record) else { return visitor.reject(0, not_an_object(record), record) };
    let Some(kind) = fields.get("type") else { return visit_trade(0, &fields, record, visitor) };
    let kind = text(kind);
    match kind.as_deref() {
        Some("trade") => decode_frame(&fields, record, visitor),
        kind => match kind.and_then(ControlKind::from_name) {
            Some(kind) => {
                if control::decode(kind, &fields, |control| visitor.control(control)).is_none() {
                    visitor.reject(0, Reason::BadControl, record);
                }
            }
            None => visitor.reject(0, Reason::UnknownType, record),
        },
    }
}

/// Why bytes are not an object. Clients of a schema registry write a zero and the number of a schema before each value.
fn not_an_object(record: &[u8]) -> Reason {
    if record.len() >= SCHEMA_HEADER_BYTES && record[0] == 0 { Reason::SchemaBytes } else { Reason::BadJson }
}

/// The strings of `c`; `None` unless it is null or an array of strings.
pub fn conditions(json: &str) -> Option<Vec<String>> {
    if json.is_empty() {
        Some(vec![])
    } else {
        serde_json::from_str::<Option<Vec<String>>>(json).ok().map(Option::unwrap_or_default)
    }
}

fn decode_frame(fields: &Fields<'_>, record: &[u8], visitor: &mut impl Visitor) {
    let Some(elements) = fields.get("data").and_then(|data| Vec::<&RawValue>::deserialize(*data).ok()) else {
        return visitor.reject(0, Reason::BadJson, record);
    };
    for (index, element) in elements.into_iter().enumerate() {
        let bytes = element.get().as_bytes();
        match object(bytes) {
            Some(fields) => visit_trade(index as u32, &fields, bytes, visitor),
            None => visitor.reject(index as u32, Reason::BadJson, bytes),
        }
    }
}

fn visit_trade(index: u32, fields: &Fields<'_>, bytes: &[u8], visitor: &mut impl Visitor) {
    let symbol = fields.get("s").and_then(|s| text(s));
    match checked_trade(fields, symbol.as_deref()) {
        Ok(trade) => {
            let id = fields.get("id").or_else(|| fields.get("i")).and_then(|id| id_text(id));
            visitor.trade(index, &RawTrade { id: id.as_deref().unwrap_or(""), bytes, ..trade });
        }
        Err(reason) => visitor.reject(index, reason, bytes),
    }
}

/// The id of a trade: a text, or the digits of an integer. Any other value does not name it.
fn id_text(value: &RawValue) -> Option<Cow<'_, str>> {
    let json = value.get();
    let is_integer = json.strip_prefix('-').unwrap_or(json).bytes().all(|byte| byte.is_ascii_digit());
    let id = if is_integer { Cow::Borrowed(json) } else { Cow::Owned(text(value)?) };
    (1..=TRADE_ID_BYTES_MAX).contains(&id.len()).then_some(id)
}

/// The checks in the order of the definitions.
fn checked_trade<'a>(fields: &Fields<'a>, symbol: Option<&'a str>) -> Result<RawTrade<'a>, Reason> {
    let field = |name| fields.get(name).ok_or(Reason::MissingField);
    let (_, p, t, v) = (field("s")?, field("p")?, field("t")?, field("v")?);
    let symbol = symbol.filter(|s| Symbol::new(s).is_some()).ok_or(Reason::BadSymbol)?;
    let price = number(p, PRICE_DIGITS, Reason::BadPrice)?;
    let volume = number(v, VOLUME_DIGITS, Reason::BadVolume)?;
    let event_ms = integer(t).ok_or(Reason::BadTime)?;
    let conditions_json = fields.get("c").map_or("", |c| c.get());
    conditions(conditions_json).ok_or(Reason::BadConditions)?;
    let (price, volume) = (price.ok_or(Reason::OutOfRange)?, volume.ok_or(Reason::OutOfRange)?);
    if !in_range(price, volume, event_ms) {
        return Err(Reason::OutOfRange);
    }
    Ok(RawTrade {
        symbol,
        price: price.value,
        volume: volume.value,
        event_ms: event_ms as u64,
        conditions: conditions_json,
        rounded: price.rounded || volume.rounded,
        id: "",
        bytes: &[],
    })
}

/// A number; `Ok(None)` when it is out of range.
fn number(value: &RawValue, digits: u32, otherwise: Reason) -> Result<Option<Decimal>, Reason> {
    match decimal::parse(value.get().as_bytes(), digits) {
        Ok(number) => Ok(Some(number)),
        Err(DecimalError::Range) => Ok(None),
        Err(DecimalError::Syntax) => Err(otherwise),
    }
}
