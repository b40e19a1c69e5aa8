//! A symbol: opaque text, such as `IC MARKETS:1`, that is never parsed or constructed.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::name_policy;

/// Maximum length of a symbol, in bytes.
pub const SYMBOL_BYTES_MAX: usize = 128;

/// Number of state shards. A symbol's shard is stable for ever; a worker owns shard s when s % workers is its index.
pub const SHARDS: u32 = 256;

/// A symbol's text, at most [`SYMBOL_BYTES_MAX`] bytes. Up to 24 bytes are stored inline.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Symbol(CompactString);

impl Symbol {
    /// Makes a symbol of a text; `None` when it is empty, too long, or not a name by [`name_policy`].
    pub fn new(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= SYMBOL_BYTES_MAX;
        (fits && name_policy::check(text).is_ok()).then(|| Self(CompactString::new(text)))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The shard of state that holds this symbol, below [`SHARDS`]: XXH3-64 of its bytes modulo the number of shards.
    pub fn shard(&self) -> u32 {
        (xxh3_64(self.0.as_bytes()) % u64::from(SHARDS)) as u32
    }
}

impl std::fmt::Display for Symbol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
