//! Pauses of a random length, so that many who were cut off together do not come back together. Chance decides nothing
//! but when something is tried again, and names.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// A random number; no secret.
pub fn chance() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// From `least` (`chance` is 0) to `most` (`chance` is as great as can be).
pub fn spread(least: Duration, most: Duration, chance: u64) -> Duration {
    least + (most - least).mul_f64(chance as f64 / u64::MAX as f64)
}
