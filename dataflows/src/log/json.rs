//! JSON objects as fields that are not parsed yet.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The fields of an object as JSON text. Of a repeated key the last value counts.
pub type Fields<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// Parses an object.
pub fn object(json: &[u8]) -> Option<Fields<'_>> {
    serde_json::from_slice(json).ok()
}

/// A string, unescaped.
pub fn text(value: &RawValue) -> Option<String> {
    String::deserialize(value).ok()
}

/// An integer written without fraction and exponent.
pub fn integer(value: &RawValue) -> Option<i64> {
    value.get().parse().ok().filter(|_| !value.get().starts_with('+'))
}
