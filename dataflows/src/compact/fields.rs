//! Numbers in as few bytes as they mostly need, little-endian. What needs more is noticed, not cut off.

/// Writes the fields of a record one after the other.
pub struct FieldWriter<'a> {
    bytes: &'a mut [u8],
    fits: bool,
}

impl<'a> FieldWriter<'a> {
    /// Into these bytes.
    #[inline]
    pub const fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, fits: true }
    }

    /// The low N bytes of a number.
    #[inline]
    fn put<const N: usize>(&mut self, value: i128) {
        let (field, rest) = std::mem::take(&mut self.bytes).split_at_mut(N);
        field.copy_from_slice(&value.to_le_bytes()[..N]);
        self.bytes = rest;
    }

    /// A number in two's complement of N bytes.
    #[inline]
    pub fn signed<const N: usize>(&mut self, value: i128) {
        let shift = 128 - 8 * N as u32;
        self.fits &= value << shift >> shift == value;
        self.put::<N>(value);
    }

    /// A number of N bytes.
    #[inline]
    pub fn unsigned<const N: usize>(&mut self, value: u64) {
        self.fits &= N >= 8 || value >> (8 * N) == 0;
        self.put::<N>(i128::from(value));
    }

    /// A number whose high half is known not to be needed, or is.
    #[inline]
    pub fn wide(&mut self, value: ethnum::I256) {
        let low = value.as_i128();
        self.fits &= ethnum::I256::from(low) == value;
        self.put::<16>(low);
    }

    /// Whether every number fitted.
    #[inline]
    pub const fn fits(&self) -> bool {
        self.fits
    }
}

/// Reads what [`FieldWriter`] has written.
pub struct FieldReader<'a> {
    bytes: &'a [u8],
}

impl<'a> FieldReader<'a> {
    /// From these bytes.
    #[inline]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    #[inline]
    fn take<const N: usize>(&mut self) -> i128 {
        let (field, rest) = self.bytes.split_at(N);
        self.bytes = rest;
        let mut bytes = [0; 16];
        bytes[..N].copy_from_slice(field);
        i128::from_le_bytes(bytes)
    }

    /// A number in two's complement of N bytes.
    #[inline]
    pub fn signed<const N: usize>(&mut self) -> i128 {
        let shift = 128 - 8 * N as u32;
        self.take::<N>() << shift >> shift
    }

    /// A number of N bytes, 8 at most.
    #[inline]
    pub fn unsigned<const N: usize>(&mut self) -> u64 {
        self.take::<N>() as u64
    }
}

#[cfg(test)]
mod tests {
    use ethnum::I256;

    use super::*;

    /// What is read again, and whether it fitted.
    fn again<const N: usize>(value: i128) -> (i128, bool) {
        let mut bytes = [0; N];
        let mut writer = FieldWriter::new(&mut bytes);
        writer.signed::<N>(value);
        let fits = writer.fits();
        (FieldReader::new(&bytes).signed::<N>(), fits)
    }

    #[test]
    fn what_does_not_fit_is_noticed() {
        for value in [0, 1, -1, 127, -128, (1 << 87) - 1, -(1 << 87)] {
            assert_eq!(again::<11>(value), (value, true));
            assert_eq!(again::<16>(value), (value, true));
        }
        for value in [1 << 87, -(1 << 87) - 1, i128::MAX, i128::MIN] {
            assert!(!again::<11>(value).1, "{value}");
            assert_eq!(again::<16>(value), (value, true));
        }
        assert_eq!([again::<1>(127), again::<1>(-128)], [(127, true), (-128, true)]);
        assert!(!again::<1>(128).1 && !again::<1>(-129).1);
        let fits = |value: u64| {
            let mut bytes = [0; 6];
            let mut writer = FieldWriter::new(&mut bytes);
            writer.unsigned::<6>(value);
            writer.fits().then(|| FieldReader::new(&bytes).unsigned::<6>())
        };
        assert_eq!([0, (1 << 48) - 1, 1 << 48].map(fits), [Some(0), Some((1 << 48) - 1), None]);
    }

    #[test]
    fn fields_follow_each_other() {
        let mut bytes = [0; 32];
        let mut writer = FieldWriter::new(&mut bytes);
        writer.signed::<3>(-5);
        writer.unsigned::<8>(u64::MAX);
        writer.wide(I256::from(-7));
        writer.unsigned::<5>(9);
        assert!(writer.fits());
        let mut reader = FieldReader::new(&bytes);
        assert_eq!((reader.signed::<3>(), reader.unsigned::<8>()), (-5, u64::MAX));
        assert_eq!((reader.signed::<16>(), reader.unsigned::<5>()), (-7, 9));
        for wide in [I256::from(i128::MAX) + 1, I256::from(i128::MIN) - 1, I256::MIN] {
            let mut bytes = [0; 16];
            let mut writer = FieldWriter::new(&mut bytes);
            writer.wide(wide);
            assert!(!writer.fits());
        }
    }
}
