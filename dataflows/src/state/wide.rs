//! Encoding of a wide integer as two halves: the crate's own form is a text.

use ethnum::I256;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Encodes the halves.
pub fn serialize<S: Serializer>(value: &I256, serializer: S) -> Result<S::Ok, S::Error> {
    value.into_words().serialize(serializer)
}

/// Decodes the halves.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<I256, D::Error> {
    <(i128, i128)>::deserialize(deserializer).map(|(high, low)| I256::from_words(high, low))
}
