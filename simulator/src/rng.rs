//! Random numbers as a function of seed, key and place.
//!
//! There is no shared stream: the trades of a symbol in a second must not depend on which other symbols were generated,
//! in which order, or since when. So each (seed, symbol, second) has its own generator.

/// Random number generator (SplitMix64).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The generator of a place.
    pub fn at(seed: u64, key: u64, place: u64) -> Self {
        Self(hash(seed, key, place))
    }

    /// The next 64 bits.
    #[inline]
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `end` (at least 1), close to uniform.
    #[inline]
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.roll()) * u128::from(end)) >> 64) as u64
    }
}

/// Hash of a place: a single random number.
#[inline]
pub fn hash(seed: u64, key: u64, place: u64) -> u64 {
    mix(mix(mix(seed ^ 0x7469_636b_6c69_6e65) ^ key) ^ place)
}

/// Key of a name (FNV-1a), so that a symbol's trades do not depend on its place in a list.
pub fn key_of(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |key, byte| (key ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[inline]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
