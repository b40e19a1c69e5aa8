//! JSON as fields and raw texts: the grammar is serde_json's, what the values mean is decided by who asks.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object in their order, values as text.
pub struct Object(Vec<(String, Box<RawValue>)>);

impl Object {
    /// Reads one JSON object and nothing else.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The text of a member's value; of a key that comes twice the last.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.get().trim())
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// The text of a JSON string.
pub fn text(value: &str) -> Option<String> {
    if value.starts_with('"') { serde_json::from_str(value).ok() } else { None }
}

/// The elements of a JSON array.
pub fn array(value: &str) -> Option<Vec<String>> {
    if !value.starts_with('[') {
        return None;
    }
    let elements: Vec<Box<RawValue>> = serde_json::from_str(value).ok()?;
    Some(elements.iter().map(|e| e.get().trim().to_string()).collect())
}

/// Whether a valid JSON value is a number.
pub fn is_number(value: &str) -> bool {
    value.starts_with(|c: char| c == '-' || c.is_ascii_digit())
}

/// An integer in i64: a number written without fraction and exponent.
pub fn integer(value: &str) -> Option<i64> {
    if is_number(value) { value.parse().ok() } else { None }
}
