//! The part that an interrupted import has already written: the beginning of its sequence, in each partition.
//!
//! Control records of other sources may lie between; they are passed over. So is a torn line, the beginning of the
//! record that a killed writer was writing: its bytes stay in the log, and the record follows once more.

use dataflows::log::batch::{RecordBatch, RecordSpan};
use dataflows::log::control::Control;
use dataflows::log::decode::{RawTrade, Visitor, decode};
use dataflows::log::reject::Reason;

use super::ImportError;
use super::sequence::Sink;
use crate::log::{Log, LogError, PartitionReader};

/// Bytes per read.
const READ_BYTES: usize = 1 << 20;
/// Pause while records are still being fetched.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(1);

/// Compares the sequence with the log.
pub struct Written {
    log: String,
    partitions: Vec<Option<Records>>,
    /// Number of records of the sequence that are already in each partition.
    pub counts: Vec<u64>,
}

impl Written {
    /// Reads each partition from where the import began.
    pub fn new(log: &dyn Log, begun: &[Option<u64>]) -> Result<Self, ImportError> {
        let open = |(partition, at): (u32, &Option<u64>)| {
            let Some(at) = at else { return Ok(None) };
            let (reader, end) = (log.reader(partition, *at)?, log.end_offset(partition)?);
            Ok(Some(Records { reader, batch: RecordBatch::default(), at: 0, end }))
        };
        let partitions = (0..).zip(begun).map(open).collect::<Result<_, LogError>>()?;
        Ok(Self { log: log.name(), partitions, counts: vec![0; begun.len()] })
    }
}

impl Sink for Written {
    fn append(&mut self, partition: u32, _key: Option<&str>, record: &[u8]) -> Result<(), ImportError> {
        let Some(records) = &mut self.partitions[partition as usize] else { return Ok(()) };
        while let Some((span, found)) = records.next()? {
            // A reader cuts what is too large to be decoded.
            let is_cut = span.total_len > found.len() as u64;
            let is_same = if is_cut {
                span.total_len == record.len() as u64 && record.starts_with(found)
            } else {
                same(found, record)
            };
            if is_same {
                self.counts[partition as usize] += 1;
                return Ok(());
            }
            if is_cut || !record.starts_with(found) && !is_control(found) {
                return Err(ImportError::Differs { log: self.log.clone(), partition, offset: span.offset });
            }
        }
        self.partitions[partition as usize] = None;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), ImportError> {
        Ok(())
    }
}

/// The records of one partition.
struct Records {
    reader: Box<dyn PartitionReader>,
    batch: RecordBatch,
    at: usize,
    end: u64,
}

impl Records {
    fn next(&mut self) -> Result<Option<(RecordSpan, &[u8])>, LogError> {
        while self.at == self.batch.records.len() {
            if self.reader.position() >= self.end {
                return Ok(None);
            }
            self.reader.read(&mut self.batch, READ_BYTES)?;
            self.at = 0;
            if self.batch.records.is_empty() {
                std::thread::sleep(PAUSE);
            }
        }
        let span = self.batch.records[self.at];
        self.at += 1;
        Ok((span.offset < self.end).then(|| (span, self.batch.record(&span))))
    }
}

/// Whether two records are equal. Records of the same import are, also when its files were named in another way.
fn same(found: &[u8], expected: &[u8]) -> bool {
    found == expected || import(expected).is_some_and(|mark| import(found) == Some(mark))
}

fn is_control(record: &[u8]) -> bool {
    kind(record).is_control
}

fn import(record: &[u8]) -> Option<String> {
    kind(record).import
}

fn kind(record: &[u8]) -> Kind {
    let mut kind = Kind::default();
    decode(record, record.len() as u64, &mut kind);
    kind
}

#[derive(Default)]
struct Kind {
    is_control: bool,
    import: Option<String>,
}

impl Visitor for Kind {
    fn trade(&mut self, _: u32, _: &RawTrade<'_>) {}

    fn reject(&mut self, _: u32, _: Reason, _: &[u8]) {}

    fn control(&mut self, control: Control<'_>) {
        self.is_control = true;
        if let Control::Import { hash, state, .. } = control {
            self.import = Some(format!("{hash} {state:?}"));
        }
    }
}
