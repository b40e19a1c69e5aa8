//! The reader for all JSON: any order of keys, white space, escapes, exponents, strange types. Says what is refused and
//! why.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Control, RawTrade, Visitor, in_range};
use crate::log::decimal::{self, Decimal, DecimalError};
use crate::log::reject::Reason;
use crate::progress::partition::{SOURCE_BYTES_MAX, is_progress_time};
use crate::symbols::symbol::Symbol;

/// An object's fields as texts of JSON; of a key that comes twice the last counts.
type Fields<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// Decodes any record.
pub fn decode(record: &[u8], visitor: &mut impl Visitor) {
    let Some(fields) = object(record) else { return visitor.reject(0, Reason::BadJson) };
    let Some(kind) = fields.get("type") else { return visit_trade(0, &fields, visitor) };
    match text(kind).as_deref() {
        Some("trade") => decode_frame(&fields, visitor),
        Some("progress") => visit_control(progress(&fields), visitor),
        Some("bye") => visit_control(source(&fields).map(Bye), visitor),
        Some("gap") => visit_control(gap(&fields), visitor),
        _ => visitor.reject(0, Reason::UnknownType),
    }
}

/// The texts of `c`; `None` when it is neither null nor an array of texts.
pub fn conditions(json: &str) -> Option<Vec<String>> {
    if json.is_empty() {
        Some(vec![])
    } else {
        serde_json::from_str::<Option<Vec<String>>>(json).ok().map(Option::unwrap_or_default)
    }
}

fn object(json: &[u8]) -> Option<Fields<'_>> {
    serde_json::from_slice(json).ok()
}

fn text(value: &RawValue) -> Option<String> {
    String::deserialize(value).ok()
}

fn decode_frame(fields: &Fields<'_>, visitor: &mut impl Visitor) {
    let Some(elements) = fields.get("data").and_then(|data| Vec::<&RawValue>::deserialize(*data).ok()) else {
        return visitor.reject(0, Reason::BadJson);
    };
    for (index, element) in elements.into_iter().enumerate() {
        match object(element.get().as_bytes()) {
            Some(fields) => visit_trade(index as u32, &fields, visitor),
            None => visitor.reject(index as u32, Reason::BadJson),
        }
    }
}

/// A control record with texts of its own.
enum Owned {
    Progress(String, u64),
    Gap,
    Bye(String),
}
use Owned::Bye;

fn visit_control(control: Option<Owned>, visitor: &mut impl Visitor) {
    match control {
        Some(Owned::Progress(source, event_ms)) => visitor.control(Control::Progress { source: &source, event_ms }),
        Some(Owned::Gap) => visitor.control(Control::Gap),
        Some(Bye(source)) => visitor.control(Control::Bye { source: &source }),
        None => visitor.reject(0, Reason::BadControl),
    }
}

fn source(fields: &Fields<'_>) -> Option<String> {
    text(fields.get("source")?).filter(|s| (1..=SOURCE_BYTES_MAX).contains(&s.len()))
}

fn progress(fields: &Fields<'_>) -> Option<Owned> {
    let event_ms = integer(fields.get("event_ms")?).filter(|&ms| is_progress_time(ms))?;
    Some(Owned::Progress(source(fields)?, event_ms as u64))
}

fn gap(fields: &Fields<'_>) -> Option<Owned> {
    source(fields)?;
    integer(fields.get("from_ms")?)?;
    integer(fields.get("to_ms")?)?;
    text(fields.get("cause")?)?;
    Some(Owned::Gap)
}

/// An integer written without fraction and exponent.
fn integer(value: &RawValue) -> Option<i64> {
    value.get().parse().ok().filter(|_| !value.get().starts_with('+'))
}

fn visit_trade(index: u32, fields: &Fields<'_>, visitor: &mut impl Visitor) {
    let symbol = fields.get("s").and_then(|s| text(s));
    match checked_trade(fields, symbol.as_deref()) {
        Ok(trade) => visitor.trade(index, &trade),
        Err(reason) => visitor.reject(index, reason),
    }
}

/// The checks in the order of the definitions.
fn checked_trade<'a>(fields: &Fields<'a>, symbol: Option<&'a str>) -> Result<RawTrade<'a>, Reason> {
    let field = |name| fields.get(name).ok_or(Reason::MissingField);
    let (_, p, t, v) = (field("s")?, field("p")?, field("t")?, field("v")?);
    let symbol = symbol.filter(|s| Symbol::new(s).is_some()).ok_or(Reason::BadSymbol)?;
    let price = number(p, Reason::BadPrice)?;
    let volume = number(v, Reason::BadVolume)?;
    let event_ms = integer(t).ok_or(Reason::BadTime)?;
    let conditions_json = fields.get("c").map_or("", |c| c.get());
    conditions(conditions_json).ok_or(Reason::BadConditions)?;
    let (price, volume) = (price.ok_or(Reason::OutOfRange)?, volume.ok_or(Reason::OutOfRange)?);
    let notional = in_range(price, volume, event_ms).ok_or(Reason::OutOfRange)?;
    Ok(RawTrade {
        symbol,
        price: price.value,
        volume: volume.value,
        notional,
        event_ms: event_ms as u64,
        conditions: conditions_json,
        rounded: price.rounded || volume.rounded,
    })
}

/// A number: `Ok(None)` when it is one but does not fit.
fn number(value: &RawValue, otherwise: Reason) -> Result<Option<Decimal>, Reason> {
    match decimal::parse(value.get().as_bytes()) {
        Ok(number) => Ok(Some(number)),
        Err(DecimalError::Range) => Ok(None),
        Err(DecimalError::Syntax) => Err(otherwise),
    }
}
