//! Records of the log: the fast reader, the general one, and what the definitions say, which all have to agree.

use std::collections::BTreeMap;

use dataflows::log::decimal::{PRICE_MAX, PRICE_ONE, ROUNDED_PRICE_MIN, VOLUME_MAX, VOLUME_ONE, ratio_f64};
use dataflows::log::decode::{decode, fast, general};
use dataflows::progress::time::{EVENT_MS_END, EVENT_MS_MIN};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::decoded::{Part, Parts, Trade};
use crate::exact::fixed;

type Fields = BTreeMap<String, Box<RawValue>>;

/// Checks one record.
pub fn check(record: &[u8]) {
    let whole = Parts::of(|parts| general::decode(record, parts));
    let mut is_fast = false;
    let quick = Parts::of(|parts| is_fast = fast::decode(record, parts));
    if is_fast {
        assert_eq!(quick, whole, "the two readers differ");
    } else {
        assert_eq!(quick, Parts::default(), "a reader that gives up has passed on something");
    }
    assert_eq!(Parts::of(|parts| decode(record, record.len() as u64, parts)), whole);
    assert!(whole.0.len() <= 1 || is_frame(record), "several parts of one object");
    for (at, part) in whole.0.iter().enumerate() {
        match part {
            Part::Trade(trade) => {
                assert_eq!(trade.index as usize, at);
                assert_eq!(expected(&trade.bytes, at), Some(trade.clone()));
            }
            Part::Rejected { index, bytes, .. } => {
                assert_eq!(*index as usize, at);
                assert!(is_control_or_frame(bytes) || expected(bytes, at).is_none(), "a trade is rejected: {part:?}");
            }
            Part::Control(_) => assert_eq!(whole.0.len(), 1),
        }
    }
}

fn is_frame(record: &[u8]) -> bool {
    let fields: Option<Fields> = serde_json::from_slice(record).ok();
    fields.is_some_and(|fields| text(&fields, "type").as_deref() == Some("trade"))
}

fn is_control_or_frame(record: &[u8]) -> bool {
    serde_json::from_slice::<Fields>(record).is_ok_and(|fields| fields.contains_key("type"))
}

/// The trade that an object is by the definitions, section 2; `None` if it is not one.
fn expected(bytes: &[u8], index: usize) -> Option<Trade> {
    let fields: Fields = serde_json::from_slice(bytes).ok()?;
    let symbol = text(&fields, "s")?;
    if symbol.is_empty() || symbol.len() > 128 || symbol.chars().any(char::is_control) {
        return None;
    }
    let (price, volume) = (number(fields.get("p")?)?, number(fields.get("v")?)?);
    let event_ms: i64 = fields.get("t")?.get().parse().ok()?;
    let conditions: Option<Vec<String>> = fields.get("c").map_or(Ok(None), |c| serde_json::from_str(c.get())).ok()?;
    let (p, v) = (fixed(price, 18)?, fixed(volume, 10)?);
    let fits = p.value.abs() <= PRICE_MAX
        && (!p.rounded || p.value.abs() >= ROUNDED_PRICE_MIN)
        && (0..=VOLUME_MAX).contains(&v.value)
        && (EVENT_MS_MIN..EVENT_MS_END).contains(&event_ms);
    if !fits {
        return None;
    }
    // The one rounding on the way out gives the double that everyone else reads.
    if !p.rounded {
        assert_eq!(ratio_f64(p.value, PRICE_ONE), price.parse::<f64>().unwrap(), "{price}");
    }
    if !v.rounded {
        assert_eq!(ratio_f64(v.value, VOLUME_ONE), volume.parse::<f64>().unwrap(), "{volume}");
    }
    Some(Trade {
        index: index as u32,
        symbol,
        price: p.value,
        volume: v.value,
        event_ms: event_ms as u64,
        conditions: Some(conditions.unwrap_or_default()),
        rounded: p.rounded || v.rounded,
        id: fields.get("id").or_else(|| fields.get("i")).and_then(|id| id_of(id)).unwrap_or_default(),
        bytes: bytes.to_vec(),
    })
}

/// An id: a text, or an integer as it is written, of 1 to 64 bytes.
fn id_of(value: &RawValue) -> Option<String> {
    let id = match serde_json::from_str(value.get()).ok() {
        Some(Value::String(text)) => text,
        // Larger than any integer type, it is still one.
        _ if value.get().trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit()) => value.get().to_owned(),
        _ => return None,
    };
    (1..=64).contains(&id.len()).then_some(id)
}

/// The digits of a number.
fn number(value: &RawValue) -> Option<&str> {
    value.get().starts_with(|c: char| c == '-' || c.is_ascii_digit()).then_some(value.get())
}

fn text(fields: &Fields, name: &str) -> Option<String> {
    serde_json::from_str(fields.get(name)?.get()).ok()
}
