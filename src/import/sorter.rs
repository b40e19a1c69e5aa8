//! External merge sort by event time, stable, in bounded memory.
//!
//! Records arrive in the order of files and lines. Full buffers are sorted and spilled as runs; the runs are merged,
//! and of equal times the record of the earlier run comes first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::ImportError;
use super::spill::{RunReader, Spill};

/// Default memory for records that are not yet spilled, in bytes.
pub const MEMORY_BYTES: usize = 64 << 20;

/// Collects records.
#[derive(Debug)]
pub struct Sorter {
    memory_bytes: usize,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    spill: Option<Spill>,
}

/// A record in the buffer.
#[derive(Clone, Copy, Debug)]
struct Entry {
    time: u64,
    start: usize,
    len: usize,
}

/// All records, which can be visited any number of times.
#[derive(Debug)]
pub struct Sorted(Sorter);

impl Sorter {
    /// An empty sorter that keeps this many bytes in memory.
    pub fn new(memory_bytes: usize) -> Self {
        Self { memory_bytes, bytes: Vec::new(), entries: Vec::new(), spill: None }
    }

    /// Adds a record.
    pub fn push(&mut self, time: u64, record: &[u8]) -> Result<(), ImportError> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(record);
        self.entries.push(Entry { time, start, len: record.len() });
        if self.bytes.len() + self.entries.len() * size_of::<Entry>() < self.memory_bytes {
            return Ok(());
        }
        self.sort();
        let spill = match &mut self.spill {
            Some(spill) => spill,
            None => self.spill.insert(Spill::new()?),
        };
        spill.add(self.entries.iter().map(|e| (e.time, &self.bytes[e.start..e.start + e.len])))?;
        self.bytes.clear();
        self.entries.clear();
        Ok(())
    }

    /// Gives the last `records` another time, so far as they are still in memory.
    pub fn set_time_of_last(&mut self, records: u64, time: u64) {
        let records = usize::try_from(records).unwrap_or(usize::MAX);
        self.entries.iter_mut().rev().take(records).for_each(|entry| entry.time = time);
    }

    /// Ends the collection.
    pub fn finish(mut self) -> Sorted {
        self.sort();
        Sorted(self)
    }

    /// The sort is stable, so equal times keep their order.
    fn sort(&mut self) {
        self.entries.sort_by_key(|entry| entry.time);
    }
}

impl Sorted {
    /// Visits all records by (time, order of arrival).
    pub fn for_each(&self, mut visit: impl FnMut(&[u8]) -> Result<(), ImportError>) -> Result<(), ImportError> {
        let Sorter { bytes, entries, spill, .. } = &self.0;
        let mut readers = spill.as_ref().map_or_else(Vec::new, Spill::readers);
        let memory_run = readers.len();
        let mut rest = entries.iter();
        let mut in_memory = rest.next();
        let mut heads = BinaryHeap::new();
        for (run, reader) in readers.iter_mut().enumerate() {
            heads.extend(reader.next()?.map(|time| Reverse((time, run))));
        }
        heads.extend(in_memory.map(|entry| Reverse((entry.time, memory_run))));
        while let Some(Reverse((_, run))) = heads.pop() {
            let next = if let Some(reader) = readers.get_mut(run) {
                visit(&reader.record)?;
                RunReader::next(reader)?
            } else {
                if let Some(entry) = in_memory {
                    visit(&bytes[entry.start..entry.start + entry.len])?;
                }
                in_memory = rest.next();
                in_memory.map(|entry| entry.time)
            };
            heads.extend(next.map(|time| Reverse((time, run))));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection, proptest};

    use super::*;

    proptest! {
        #[test]
        fn equals_a_stable_sort(times in collection::vec(0_u64..40, 0..300), memory_bytes in 1_usize..4_000) {
            let mut sorter = Sorter::new(memory_bytes);
            let mut expected: Vec<(u64, String)> = Vec::new();
            for (n, time) in times.into_iter().enumerate() {
                let record = format!("{n}{}", "x".repeat(n % 7));
                sorter.push(time, record.as_bytes()).unwrap();
                expected.push((time, record));
            }
            expected.sort_by_key(|(time, _)| *time);
            let sorted = sorter.finish();
            for _ in 0..2 {
                let mut found = Vec::new();
                sorted.for_each(|record| { found.push(String::from_utf8(record.to_vec()).unwrap()); Ok(()) }).unwrap();
                assert_eq!(found, expected.iter().map(|(_, record)| record.clone()).collect::<Vec<_>>());
            }
        }
    }
}
