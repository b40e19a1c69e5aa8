//! Short texts that are parsed: addresses, durations, times, numbers, names. What is parsed is printed as a text that
//! parses to the same.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use dataflows::log::decimal::{self, PRICE_DIGITS, VOLUME_DIGITS};
use dataflows::name_policy;
use dataflows::progress::time::{EVENT_MS_END, EVENT_MS_MIN, Resolution};
use tickline::cluster::hosts;
use tickline::command::options::duration::Duration;
use tickline::command::options::moment::Moment;
use tickline::csv_cell;
use tickline::escape::{escaped, escaped_json, escaped_lines};
use tickline::import::decimal_text::{json_number, shifted};
use tickline::import::event_time::{TimeRule, event_ms};
use tickline::log::address::LogAddress;
use tickline::secret::{Secret, percent_encode};
use tickline::store::address::StoreAddress;
use tickline::time::{day, rfc3339, rfc3339_of, span};

use crate::canary::CANARY;
use crate::exact::{Fixed, fixed};

/// Checks one text.
pub fn check(data: &[u8]) {
    if let Some(number) = data.first_chunk() {
        time(u64::from_le_bytes(*number));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    prints_itself::<LogAddress>(text);
    prints_itself::<StoreAddress>(text);
    prints_itself::<Duration>(text);
    if let Some((host, port)) = hosts::split(text) {
        assert!(port > 0 && !host.is_empty() && text.contains(host));
    }
    if let Some(resolution) = Resolution::from_name(text) {
        assert_eq!(resolution.name(), text);
    }
    if let Ok(Moment(ms)) = text.parse() {
        assert!((EVENT_MS_MIN.unsigned_abs()..EVENT_MS_END.unsigned_abs()).contains(&ms), "{ms}");
        assert_eq!(rfc3339(ms).parse(), Ok(Moment(ms)));
        assert_eq!(ms.to_string().parse(), Ok(Moment(ms)));
    }
    // Also what a file has: there, a time need not be one of an event.
    drop(event_ms("t", text, &TimeRule::default()));
    number(text, PRICE_DIGITS);
    other_spelling(text);
    number(text, VOLUME_DIGITS);
    shown(text);
    user(text);
    if let Some((secret, around)) = text.split_once('\n') {
        masked(secret, around);
    }
}

fn prints_itself<V: FromStr<Err: Display> + Display + PartialEq + Debug>(text: &str) {
    match text.parse::<V>() {
        Ok(value) => assert_eq!(value.to_string().parse::<V>().ok(), Some(value), "{text}"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn time(ms: u64) {
    let text = rfc3339(ms);
    assert!(text.starts_with(&day(ms)) && !span(ms).is_empty());
    assert!(!rfc3339_of(ms as i64).is_empty());
    if (EVENT_MS_MIN as u64..EVENT_MS_END as u64).contains(&ms) {
        assert_eq!(text.parse(), Ok(Moment(ms)));
    }
}

/// A number in JSON's grammar is what its digits say; anything else is not a number.
fn number(text: &str, digits: u32) {
    let is_number = text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok_and(|raw| raw.get() == text);
    match decimal::parse(text.as_bytes(), digits) {
        Ok(number) => {
            assert!(is_number, "{text}");
            assert_eq!(fixed(text, digits.into()), Some(Fixed { value: number.value, rounded: number.rounded }));
            let again = format!("{}e-{digits}", number.value);
            assert_eq!(decimal::parse(again.as_bytes(), digits).map(|again| again.value), Ok(number.value));
        }
        Err(decimal::DecimalError::Range) => assert!(is_number && fixed(text, digits.into()).is_none(), "{text}"),
        Err(decimal::DecimalError::Syntax) => assert!(!is_number, "{text}"),
    }
}

/// A number in another spelling than JSON's is the same number, and moving its point divides it exactly.
fn other_spelling(text: &str) {
    let Some(json) = json_number(text) else { return };
    assert_eq!(json_number(&json), Some(json.clone()));
    assert_eq!(json.parse::<f64>().ok(), text.trim().parse().ok(), "{text}");
    for places in [1, 4, 9] {
        let divided = fixed(&shifted(&json, places), PRICE_DIGITS.into());
        assert_eq!(divided, fixed(&json, i64::from(PRICE_DIGITS) - places as i64), "{text} / 10^{places}");
    }
}

/// Nothing that is shown commands a terminal or a spreadsheet.
fn shown(text: &str) {
    assert_eq!(name_policy::check(&escaped(text)), Ok(()));
    assert_eq!(name_policy::check(&escaped_lines(text).replace('\n', "")), Ok(()));
    let json = serde_json::to_string(text).unwrap();
    let safe = escaped_json(&json);
    assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), text);
    let cell = csv_cell::cell(text);
    assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
    if csv_cell::is_exact(text) && !cell.starts_with('"') {
        assert_eq!(cell, text);
    }
}

/// An address with a password is rejected without it.
fn user(text: &str) {
    let Some((scheme, rest)) = text.split_once("://") else { return };
    if ["dir", "sqlite"].contains(&scheme) || scheme.contains([':', '?']) || rest.contains("?config=") {
        return;
    }
    let address = format!("{scheme}://u:{CANARY}@{rest}");
    let errors = [address.parse::<LogAddress>().err().map(|error| format!("{error:?} {error}"))]
        .into_iter()
        .chain([address.parse::<StoreAddress>().err().map(|error| format!("{error:?} {error}"))]);
    for error in errors {
        assert!(error.is_some_and(|error| !error.contains(CANARY)), "{address}");
    }
}

/// A secret is masked wherever it is, in any spelling.
fn masked(secret: &str, around: &str) {
    let secret = secret.trim();
    // A mask must not be a part of the secret that it hides.
    if secret.len() < 4 || secret.contains('*') {
        return;
    }
    let scrubbed = Secret::new(secret);
    let json = serde_json::to_string(secret).unwrap();
    let debug = format!("{secret:?}");
    let inner = |text: &str| text[1..text.len() - 1].to_owned();
    for spelling in [secret.to_owned(), percent_encode(secret), inner(&json), inner(&debug)] {
        let shown = scrubbed.scrub(&format!("{around}{spelling}{around}"));
        assert!(!shown.contains(&spelling), "{spelling:?} is shown: {shown:?}");
    }
}
