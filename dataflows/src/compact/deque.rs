//! A queue of compact records in chunks of a fixed size, by window: it grows without copying what is there, and leaves
//! less than two chunks unused. The few values whose numbers do not fit a record are kept beside it, whole.
//!
//! Records are numbered from the first one ever. A queue knows from which number on it has changed since it was last
//! saved, and only that part is encoded.

use std::collections::{BTreeMap, VecDeque};

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::compact::fields::{FieldReader, FieldWriter};
use crate::progress::time::Resolution;

/// A value of a window that has a compact form.
pub trait Record: Copy {
    /// Bytes of its fields, without the window.
    const BYTES: usize;

    /// Start of its window: a multiple of 5 s, before the year 2650.
    fn window_start_ms(&self) -> u64;
    /// Writes the fields.
    fn write(&self, fields: &mut FieldWriter<'_>);
    /// Reads the fields, whatever the bytes are.
    fn read(window_start_ms: u64, fields: &mut FieldReader<'_>) -> Self;
}

/// Records per chunk.
const CHUNK: usize = 8;
/// In front of the fields: the window's number, and whether the value is kept whole.
const WINDOW_BYTES: usize = 4;
const HEAD_BYTES: usize = WINDOW_BYTES + 1;

/// Windows ascend.
#[derive(Clone, Debug)]
pub struct RecordDeque<V> {
    chunks: VecDeque<Box<[u8]>>,
    /// Unused records at the beginning of the first chunk.
    skipped: usize,
    len: usize,
    /// By start of the window: values that do not fit a record.
    whole: BTreeMap<u64, V>,
    /// Number of the first record.
    first: u64,
    /// Records before this number are as they were when the queue was saved.
    saved: u64,
    /// Of a decoded part: records between the first and those that are here, which the part before it has.
    missing: u64,
}

impl<V> Default for RecordDeque<V> {
    fn default() -> Self {
        let (chunks, whole) = (VecDeque::new(), BTreeMap::new());
        Self { chunks, skipped: 0, len: 0, whole, first: 0, saved: 0, missing: 0 }
    }
}

impl<V: Record> RecordDeque<V> {
    const RECORD_BYTES: usize = HEAD_BYTES + V::BYTES;

    /// Number of records.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether it is empty.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of the first record: as many were removed before it.
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// Number of the next record.
    pub const fn end(&self) -> u64 {
        self.first + self.len as u64
    }

    /// Whether all records are before this window; without one, whether there are none.
    pub fn is_before(&self, window_start_ms: Option<u64>) -> bool {
        window_start_ms.map_or(self.is_empty(), |start| self.last_ms() < Some(start))
    }

    /// Start of the last record's window.
    fn last_ms(&self) -> Option<u64> {
        self.len.checked_sub(1).map(|last| self.window_start_ms(last))
    }

    /// It is saved as it is now: what is encoded next are the changes from here on.
    pub const fn mark_saved(&mut self) {
        self.saved = self.end();
    }

    /// Nothing is saved: all of it is encoded next.
    pub const fn mark_unsaved(&mut self) {
        self.saved = 0;
    }

    /// Chunk and first byte of a record.
    #[inline]
    const fn place(&self, at: usize) -> (usize, usize) {
        let at = self.skipped + at;
        (at / CHUNK, at % CHUNK * Self::RECORD_BYTES)
    }

    #[inline]
    fn record(&self, at: usize) -> &[u8] {
        let (chunk, byte) = self.place(at);
        &self.chunks[chunk][byte..byte + Self::RECORD_BYTES]
    }

    /// Start of a record's window.
    #[inline]
    pub fn window_start_ms(&self, at: usize) -> u64 {
        window_of(self.record(at))
    }

    /// A value.
    #[inline]
    pub fn get(&self, at: usize) -> V {
        let record = self.record(at);
        if record[WINDOW_BYTES] == 0 {
            V::read(window_of(record), &mut FieldReader::new(&record[HEAD_BYTES..]))
        } else {
            self.whole[&window_of(record)]
        }
    }

    /// Replaces a value by another of its window.
    #[inline]
    pub fn set(&mut self, at: usize, value: &V) {
        self.saved = self.saved.min(self.first + at as u64);
        let (chunk, byte) = self.place(at);
        let record = &mut self.chunks[chunk][byte..byte + Self::RECORD_BYTES];
        let was_whole = record[WINDOW_BYTES] != 0;
        let window_start_ms = value.window_start_ms();
        let (head, fields) = record.split_at_mut(HEAD_BYTES);
        let mut head = FieldWriter::new(head);
        head.unsigned::<WINDOW_BYTES>(window_start_ms / Resolution::S5.length_ms());
        let mut fields = FieldWriter::new(fields);
        value.write(&mut fields);
        let is_whole = !fields.fits();
        head.unsigned::<1>(u64::from(is_whole));
        if is_whole {
            self.whole.insert(window_start_ms, *value);
        } else if was_whole {
            self.whole.remove(&window_start_ms);
        }
    }

    /// Appends a value.
    #[inline]
    pub fn push_back(&mut self, value: &V) {
        let record = self.new_record();
        // It may have been used before.
        record[WINDOW_BYTES] = 0;
        self.set(self.len - 1, value);
    }

    /// Room for one record more.
    #[inline]
    fn new_record(&mut self) -> &mut [u8] {
        if self.skipped + self.len == self.chunks.len() * CHUNK {
            self.chunks.push_back(vec![0; CHUNK * Self::RECORD_BYTES].into());
        }
        self.len += 1;
        let (chunk, byte) = self.place(self.len - 1);
        &mut self.chunks[chunk][byte..byte + Self::RECORD_BYTES]
    }

    /// Removes the first value.
    pub fn pop_front(&mut self) {
        if self.len == 0 {
            return;
        }
        self.forget(0);
        self.skipped += 1;
        self.first += 1;
        self.len -= 1;
        if self.skipped == CHUNK || self.len == 0 {
            self.chunks.pop_front();
            self.skipped = 0;
        }
    }

    /// Keeps this many.
    pub fn truncate(&mut self, len: usize) {
        while self.len > len {
            self.forget(self.len - 1);
            self.len -= 1;
        }
        self.saved = self.saved.min(self.end());
        self.chunks.truncate((self.skipped + self.len).div_ceil(CHUNK));
    }

    /// A record is about to be removed.
    fn forget(&mut self, at: usize) {
        if self.record(at)[WINDOW_BYTES] != 0 {
            let window_start_ms = self.window_start_ms(at);
            self.whole.remove(&window_start_ms);
        }
    }

    /// Inserts a value of a window that has none.
    pub fn insert(&mut self, value: &V) {
        let at = self.position(value.window_start_ms());
        let later: Vec<V> = (at..self.len).map(|at| self.get(at)).collect();
        self.truncate(at);
        self.push_back(value);
        later.iter().for_each(|value| self.push_back(value));
    }

    /// Makes a decoded part whole: `before` is what was saved before it. Returns whether the two fit together.
    pub fn continue_from(&mut self, mut before: Self) -> bool {
        if self.missing == 0 {
            return true;
        }
        let is_after = before.missing == 0 && before.first <= self.first;
        if !is_after || self.first + self.missing > before.end() {
            return false;
        }
        while before.first < self.first {
            before.pop_front();
        }
        before.truncate(self.missing as usize);
        if !self.is_empty() && !before.is_before(Some(self.window_start_ms(0))) {
            return false;
        }
        for at in 0..self.len {
            before.new_record().copy_from_slice(self.record(at));
        }
        before.whole.append(&mut self.whole);
        *self = before;
        true
    }

    /// Whether it is not a part that [`Self::continue_from`] has still to make whole.
    pub const fn is_whole(&self) -> bool {
        self.missing == 0
    }

    /// Number of the records before this window.
    pub fn position(&self, window_start_ms: u64) -> usize {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = low.midpoint(high);
            if self.window_start_ms(middle) < window_start_ms { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// The record of this window. A symbol that trades steadily has evenly spaced windows, so the one at that distance
    /// is tried first.
    #[inline]
    pub fn find(&self, window_start_ms: u64) -> Option<usize> {
        let last_at = self.len.checked_sub(1)?;
        let (first, last) = (self.window_start_ms(0), self.window_start_ms(last_at));
        if window_start_ms < first || window_start_ms > last {
            return None;
        }
        let guess = (window_start_ms - first) * last_at as u64 / (last - first).max(1);
        let is_there = |at: &usize| self.window_start_ms(*at) == window_start_ms;
        Some(guess as usize).filter(is_there).or_else(|| Some(self.position(window_start_ms)).filter(is_there))
    }
}

/// The start of the window that a record begins with.
#[inline]
fn window_of(record: &[u8]) -> u64 {
    FieldReader::new(record).unsigned::<WINDOW_BYTES>() * Resolution::S5.length_ms()
}

/// The changed records one after the other, then what is kept whole of them.
#[derive(Serialize, Deserialize)]
struct Encoded<V> {
    /// Number of the first record of the queue, and of the first one here.
    first: u64,
    from: u64,
    #[serde(with = "serde_bytes")]
    records: Vec<u8>,
    whole: BTreeMap<u64, V>,
}

impl<V: Record + Serialize> Serialize for RecordDeque<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let from = self.saved.max(self.first);
        let changed = (from - self.first) as usize..self.len;
        let mut records = Vec::with_capacity(changed.len() * Self::RECORD_BYTES);
        changed.clone().for_each(|at| records.extend_from_slice(self.record(at)));
        let from_ms = if changed.is_empty() { u64::MAX } else { self.window_start_ms(changed.start) };
        let whole = self.whole.range(from_ms..).map(|(start, value)| (*start, *value)).collect();
        Encoded { first: self.first, from, records, whole }.serialize(serializer)
    }
}

impl<'de, V: Record + DeserializeOwned> Deserialize<'de> for RecordDeque<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Encoded::<V> { first, from, records, whole } = Encoded::deserialize(deserializer)?;
        let count = (records.len() / Self::RECORD_BYTES) as u64;
        let missing = from.checked_sub(first).filter(|_| from.checked_add(count).is_some());
        let missing = missing.ok_or_else(|| D::Error::custom("records with numbers that no program writes"))?;
        let mut deque = Self { whole, first, missing, ..Self::default() };
        let (mut whole, mut next_ms) = (0, 0);
        for record in records.chunks(Self::RECORD_BYTES) {
            let is_record = record.len() == Self::RECORD_BYTES && window_of(record) >= next_ms;
            let is_whole = is_record && record[WINDOW_BYTES] != 0;
            if !is_record || is_whole && !deque.whole.contains_key(&window_of(record)) {
                return Err(D::Error::custom("records that no program writes"));
            }
            whole += usize::from(is_whole);
            next_ms = window_of(record) + 1;
            deque.new_record().copy_from_slice(record);
        }
        let is_own = |(start, value): (&u64, &V)| *start == value.window_start_ms();
        let all = whole == deque.whole.len() && deque.whole.iter().all(is_own);
        if all { Ok(deque) } else { Err(D::Error::custom("values without a record")) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::state::codec;

    /// A number that may need more than the four bytes that its record has.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Number {
        window: u64,
        value: i128,
    }

    impl Record for Number {
        const BYTES: usize = 4;

        fn window_start_ms(&self) -> u64 {
            self.window * 5_000
        }

        fn write(&self, fields: &mut FieldWriter<'_>) {
            fields.signed::<4>(self.value);
        }

        fn read(window_start_ms: u64, fields: &mut FieldReader<'_>) -> Self {
            Self { window: window_start_ms / 5_000, value: fields.signed::<4>() }
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Append { after: u64, value: i128 },
        Insert { window: u64, value: i128 },
        Set { at: usize, value: i128 },
        PopFront,
        Truncate { len: usize },
        Save,
        SaveAll,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let value = || prop_oneof![(-9_i128..9), Just(1 << 31), Just(-(1 << 31) - 1), Just(i128::MIN)];
        let step = prop_oneof![
            6 => (1_u64..4, value()).prop_map(|(after, value)| Step::Append { after, value }),
            2 => (0_u64..200, value()).prop_map(|(window, value)| Step::Insert { window, value }),
            3 => (0_usize..40, value()).prop_map(|(at, value)| Step::Set { at, value }),
            2 => Just(Step::PopFront),
            1 => (0_usize..40).prop_map(|len| Step::Truncate { len }),
            2 => Just(Step::Save),
            1 => Just(Step::SaveAll),
        ];
        proptest::collection::vec(step, 0..120)
    }

    fn apply(step: &Step, deque: &mut RecordDeque<Number>, plain: &mut BTreeMap<u64, Number>) {
        let nth = |plain: &BTreeMap<u64, Number>, at: usize| plain.keys().nth(at).copied();
        match *step {
            Step::Append { after, value } => {
                let window = plain.last_key_value().map_or(0, |last| *last.0) + after;
                plain.insert(window, Number { window, value });
                deque.push_back(&Number { window, value });
            }
            Step::Insert { window, value } if !plain.contains_key(&window) => {
                plain.insert(window, Number { window, value });
                deque.insert(&Number { window, value });
            }
            Step::Set { at, value } => {
                if let Some(window) = nth(plain, at) {
                    plain.insert(window, Number { window, value });
                    deque.set(at, &Number { window, value });
                }
            }
            Step::PopFront => {
                plain.pop_first();
                deque.pop_front();
            }
            Step::Truncate { len } => {
                if let Some(window) = nth(plain, len) {
                    plain.split_off(&window);
                }
                deque.truncate(len);
            }
            Step::Insert { .. } | Step::Save | Step::SaveAll => {}
        }
    }

    fn values(deque: &RecordDeque<Number>) -> Vec<Number> {
        (0..deque.len()).map(|at| deque.get(at)).collect()
    }

    /// Saves the changes as a part of their own, or all again. The parts together are the queue.
    fn save(deque: &mut RecordDeque<Number>, saved: &mut RecordDeque<Number>, all: bool) {
        if all {
            deque.mark_unsaved();
        }
        let bytes = codec::encode(deque).unwrap();
        deque.mark_saved();
        let mut part: RecordDeque<Number> = codec::decode(&bytes).unwrap();
        assert!(!all || part.is_whole());
        assert!(part.continue_from(std::mem::take(saved)) && part.is_whole());
        assert_eq!((values(&part), part.first(), &part.whole), (values(deque), deque.first(), &deque.whole));
        *saved = part;
    }

    proptest! {
        #[test]
        fn it_is_a_queue(steps in steps()) {
            let (mut deque, mut plain) = (RecordDeque::default(), BTreeMap::new());
            let mut saved = RecordDeque::default();
            for step in steps {
                apply(&step, &mut deque, &mut plain);
                if let Step::Save | Step::SaveAll = step {
                    save(&mut deque, &mut saved, matches!(step, Step::SaveAll));
                }
                prop_assert_eq!(&values(&deque), &plain.values().copied().collect::<Vec<_>>());
                for window in 0..20 {
                    let found = deque.find(window * 5_000).map(|at| deque.get(at));
                    prop_assert_eq!(found, plain.get(&window).copied());
                }
                let unused = deque.chunks.len() * CHUNK - deque.len();
                prop_assert!(unused < 2 * CHUNK && (!deque.is_empty() || unused <= CHUNK), "{} unused", unused);
                let is_whole = |number: &&Number| i32::try_from(number.value).is_err();
                prop_assert_eq!(deque.whole.len(), plain.values().filter(is_whole).count());
            }
            save(&mut deque, &mut saved, false);
            prop_assert_eq!(values(&saved), plain.into_values().collect::<Vec<_>>());
            deque.mark_unsaved();
            prop_assert_eq!(codec::encode(&saved).unwrap(), codec::encode(&deque).unwrap());
        }
    }

    #[test]
    fn records_that_do_not_fit_together_are_rejected() {
        let decode = |records: &[u8], whole: &[(u64, u64)]| {
            let number = |&(key, window): &(u64, u64)| (key, Number { window, value: 1 << 40 });
            let whole = whole.iter().map(number).collect();
            let encoded = Encoded { first: 0, from: 0, records: records.to_vec(), whole };
            codec::decode::<RecordDeque<Number>>(&codec::encode(&encoded).unwrap()).map(|deque| deque.len()).ok()
        };
        let (first, second) = ([1, 0, 0, 0, 0, 7, 0, 0, 0], [2, 0, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(decode(&first, &[]), Some(1));
        assert_eq!(decode(&[first, second].concat(), &[(10_000, 2)]), Some(2));
        assert_eq!(decode(&[second, first].concat(), &[(10_000, 2)]), None, "they do not ascend");
        assert_eq!(decode(&[first, first].concat(), &[]), None, "one comes twice");
        assert_eq!(decode(&first[..8], &[]), None, "one is cut off");
        assert_eq!(decode(&second, &[]), None, "a value is missing");
        assert_eq!(decode(&first, &[(10_000, 2)]), None, "a value has no record");
        assert_eq!(decode(&second, &[(10_000, 3)]), None, "a value is of another window");
    }
}
