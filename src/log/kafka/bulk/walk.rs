//! Record batches in place: from the bytes of an answer to the spans of a [`RecordBatch`], without an object for each
//! record.
//!
//! A batch is 61 bytes of header and its records, which may be compressed. Nothing of a batch but its length is
//! believed before its checksum agrees. The checksum does not cover the batch's offset, its length and its leader
//! epoch: a wrong length does not fit the checksum, and offsets have to ascend.

use dataflows::log::batch::{RecordBatch, RecordSpan};
use dataflows::log::reject::{ORIGINAL_BYTES_MAX, RECORD_BYTES_MAX};

use super::codec::{Codec, CodecError, Decompressor};

/// Length of a batch's header.
pub const HEADER_LEN: usize = 61;
/// Bytes before those that a batch's length counts.
const LENGTH_END: usize = 12;
/// Where the bytes begin that the checksum covers.
const CRC_FROM: usize = 21;
/// The version of the format, since Kafka 0.11.
const MAGIC: u8 = 2;
/// Attribute: all records have the timestamp of their writing.
const LOG_APPEND_TIME: i16 = 0x08;
/// Attribute: part of a transaction.
const TRANSACTIONAL: i16 = 0x10;
/// Attribute: not records, but the end of a transaction.
const CONTROL: i16 = 0x20;
/// Type of a control record.
const ABORT: i16 = 0;

/// An aborted transaction that overlaps an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aborted {
    /// Its producer.
    pub producer_id: i64,
    /// The offset at which it began.
    pub first_offset: i64,
}

/// A batch that cannot be what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where the batch says that it begins.
    pub base_offset: i64,
    /// What is wrong with it.
    pub what: Wrong,
}

/// What is wrong with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It is shorter than a header, or negative.
    #[error("its length is {0} bytes")]
    Length(i32),
    /// The first batch of an answer comes as a whole.
    #[error("its length is {0} bytes, and the broker sent fewer")]
    Cut(i32),
    /// An older format, or none.
    #[error("its format has the number {0}, and 2 is the only one since Kafka 0.11 (?reader=librdkafka reads 0 and 1)")]
    Format(u8),
    /// The bytes are not those that were written.
    #[error("its CRC is {is:08x}, and it says {says:08x}")]
    Crc {
        /// What the bytes give.
        is: u32,
        /// What the batch says.
        says: u32,
    },
    /// Its offsets are before those that were read, or negative.
    #[error("its offsets are before {0}, from where on it was asked for")]
    Order(u64),
    /// A codec of a later time.
    #[error("its codec has the number {0}, which is not known")]
    Codec(u8),
    /// Its records cannot be decompressed.
    #[error(transparent)]
    Compressed(#[from] CodecError),
    /// A record that does not fit.
    #[error("record {0} is not well formed")]
    Record(i32),
    /// More or fewer records than it says.
    #[error("it says that it has {0} records, and has not")]
    Count(i32),
}

impl Damage {
    const fn new(base_offset: i64, what: Wrong) -> Self {
        Self { base_offset, what }
    }
}

/// The header of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Offset of its first record, when it was written.
    pub base_offset: i64,
    /// Length of the whole batch in bytes.
    pub len: usize,
    /// Epoch of the leader that has written it; -1 if unknown.
    pub leader_epoch: i32,
    /// From the first offset to the last one.
    pub last_offset_delta: i32,
    attributes: i16,
    base_timestamp: i64,
    max_timestamp: i64,
    producer_id: i64,
    records: i32,
}

impl Header {
    /// The header of the batch at the start of `bytes`; `None` if not all of the batch is there.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, Damage> {
        let Some((&head, _)) = bytes.split_first_chunk::<HEADER_LEN>() else { return Ok(None) };
        let base_offset = i64::from_be_bytes(part(&head, 0));
        let length = i32::from_be_bytes(part(&head, 8));
        let len = match usize::try_from(length) {
            Ok(len) if len >= HEADER_LEN - LENGTH_END => len + LENGTH_END,
            _ => return Err(Damage::new(base_offset, Wrong::Length(length))),
        };
        if bytes.len() < len {
            return Ok(None);
        }
        let [magic] = part(&head, 16);
        if magic != MAGIC {
            return Err(Damage::new(base_offset, Wrong::Format(magic)));
        }
        Ok(Some(Self {
            base_offset,
            len,
            leader_epoch: i32::from_be_bytes(part(&head, 12)),
            attributes: i16::from_be_bytes(part(&head, 21)),
            last_offset_delta: i32::from_be_bytes(part(&head, 23)),
            base_timestamp: i64::from_be_bytes(part(&head, 27)),
            max_timestamp: i64::from_be_bytes(part(&head, 35)),
            producer_id: i64::from_be_bytes(part(&head, 43)),
            records: i32::from_be_bytes(part(&head, 57)),
        }))
    }

    /// One past its last offset, if it has any from `position` on.
    pub fn end_from(&self, position: u64) -> Result<u64, Damage> {
        let last = self.base_offset.checked_add(i64::from(self.last_offset_delta));
        let is_valid = self.base_offset >= 0 && self.last_offset_delta >= 0;
        match last.and_then(|last| u64::try_from(last).ok()).filter(|_| is_valid) {
            Some(last) if last >= position => Ok(last + 1),
            _ => Err(Damage::new(self.base_offset, Wrong::Order(position))),
        }
    }
}

/// A part of a header. Its place is known when this is compiled.
fn part<const N: usize>(head: &[u8; HEADER_LEN], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&head[at..at + N]);
    out
}

/// The damage of an answer that holds bytes, and not even one whole batch of them.
pub fn cut(bytes: &[u8]) -> Damage {
    let whole = bytes.first_chunk::<LENGTH_END>();
    let base_offset = whole.map_or(-1, |_| bytes.first_chunk().map_or(-1, |eight| i64::from_be_bytes(*eight)));
    let length = bytes.get(8..).and_then(<[u8]>::first_chunk).map_or(-1, |four| i32::from_be_bytes(*four));
    Damage::new(base_offset, Wrong::Cut(length))
}

/// Reads the batches of one partition, in order.
pub struct Walk {
    /// The next offset.
    position: u64,
    /// Bytes that one batch may take uncompressed.
    bytes_max: usize,
    /// The aborted transactions of the answer, by their first offset.
    aborted: Vec<Aborted>,
    /// The producers of those that have begun.
    active: Vec<i64>,
    decompressor: Decompressor,
}

impl Walk {
    /// Begins at an offset.
    pub fn new(position: u64, bytes_max: usize) -> Self {
        let (aborted, active, decompressor) = (Vec::new(), Vec::new(), Decompressor::default());
        Self { position, bytes_max, aborted, active, decompressor }
    }

    /// The next offset.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Another answer begins, with the aborted transactions that overlap it.
    pub fn begin(&mut self, mut aborted: Vec<Aborted>) {
        aborted.sort_by_key(|transaction| std::cmp::Reverse(transaction.first_offset));
        self.aborted = aborted;
        self.active.clear();
    }

    /// Appends the records of the first batch in `bytes`, and returns its length; `None` if there is no whole one. A
    /// batch that is damaged adds nothing.
    pub fn next(&mut self, bytes: &[u8], out: &mut RecordBatch) -> Result<Option<usize>, Damage> {
        let Some(header) = Header::parse(bytes)? else { return Ok(None) };
        let (len, records) = (out.bytes.len(), out.records.len());
        let result = self.batch(&header, &bytes[..header.len], out);
        if let Err(what) = result {
            out.bytes.truncate(len);
            out.records.truncate(records);
            return Err(Damage::new(header.base_offset, what));
        }
        Ok(Some(header.len))
    }

    fn batch(&mut self, header: &Header, bytes: &[u8], out: &mut RecordBatch) -> Result<(), Wrong> {
        let says = u32::from_be_bytes([bytes[17], bytes[18], bytes[19], bytes[20]]);
        let is = crc32c::crc32c(&bytes[CRC_FROM..]);
        if is != says {
            return Err(Wrong::Crc { is, says });
        }
        let end = header.end_from(self.position).map_err(|damage| damage.what)?;
        let body = &bytes[HEADER_LEN..];
        self.activate(end);
        if header.attributes & CONTROL != 0 {
            if control_type(body).ok_or(Wrong::Record(0))? == ABORT {
                self.active.retain(|producer| *producer != header.producer_id);
            }
        } else if header.attributes & TRANSACTIONAL == 0 || !self.active.contains(&header.producer_id) {
            let codec = Codec::of(header.attributes).map_err(Wrong::Codec)?;
            let start = out.bytes.len();
            self.decompressor.append(codec, body, &mut out.bytes, self.bytes_max)?;
            push(header, self.position, start, out)?;
        }
        self.position = end;
        Ok(())
    }

    /// The transactions that begin before this offset have begun.
    fn activate(&mut self, end: u64) {
        while let Some(next) = self.aborted.pop_if(|next| u64::try_from(next.first_offset).unwrap_or(0) < end) {
            self.active.push(next.producer_id);
        }
    }
}

/// Appends the spans of a batch's records, which lie in the buffer from `start` on.
fn push(header: &Header, position: u64, start: usize, out: &mut RecordBatch) -> Result<(), Wrong> {
    let count = usize::try_from(header.records).map_err(|_| Wrong::Count(header.records))?;
    let body = &out.bytes[start..];
    // A record has seven bytes at least, whatever the header says.
    out.records.reserve(count.min(body.len() / 7 + 1));
    let appended = (header.attributes & LOG_APPEND_TIME != 0).then_some(header.max_timestamp);
    let leader_epoch = (header.leader_epoch >= 0).then_some(header.leader_epoch);
    let mut rest = Cursor(body);
    let mut offsets = 0..=i64::from(header.last_offset_delta);
    for index in 0..header.records {
        let record = rest.record().ok_or(Wrong::Record(index))?;
        if !offsets.contains(&record.offset_delta) {
            return Err(Wrong::Record(index));
        }
        offsets = record.offset_delta + 1..=*offsets.end();
        let offset = (header.base_offset + record.offset_delta) as u64;
        if offset < position {
            continue;
        }
        let total_len = record.value.map_or(0, <[u8]>::len);
        // The value lies before what is left.
        let value_start = start + body.len() - record.value_from_end;
        let timestamp = appended.unwrap_or_else(|| header.base_timestamp.wrapping_add(record.timestamp_delta));
        out.records.push(RecordSpan {
            offset,
            start: value_start,
            len: if total_len > RECORD_BYTES_MAX { ORIGINAL_BYTES_MAX } else { total_len },
            total_len: total_len as u64,
            timestamp_ms: (timestamp >= 0).then_some(timestamp),
            leader_epoch,
            is_tombstone: record.value.is_none(),
        });
    }
    if rest.0.is_empty() { Ok(()) } else { Err(Wrong::Count(header.records)) }
}

/// Type of the first control record of a batch.
fn control_type(body: &[u8]) -> Option<i16> {
    let (_, kind) = Cursor(body).record()?.key?.split_first_chunk::<2>()?;
    kind.first_chunk().map(|kind| i16::from_be_bytes(*kind))
}

/// A record of a batch.
struct Record<'a> {
    timestamp_delta: i64,
    offset_delta: i64,
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    /// Distance from the value's first byte to the end of the batch.
    value_from_end: usize,
}

/// Bytes that are read from their start.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    #[inline]
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    #[inline]
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number in groups of seven bits, the lowest first; its lowest bit is the sign.
    #[inline]
    fn varint(&mut self) -> Option<i64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        None
    }

    /// Bytes after their length; `None` inside where that is -1.
    #[inline]
    fn bytes(&mut self) -> Option<Option<&'a [u8]>> {
        match self.varint()? {
            -1 => Some(None),
            len => self.take(usize::try_from(len).ok()?).map(Some),
        }
    }

    /// The next record, which must end where its length says.
    #[inline]
    fn record(&mut self) -> Option<Record<'a>> {
        let len = usize::try_from(self.varint()?).ok()?;
        let mut record = Cursor(self.take(len)?);
        let after = self.0.len();
        let _attributes = record.byte()?;
        let (timestamp_delta, offset_delta) = (record.varint()?, record.varint()?);
        let key = record.bytes()?;
        let value = record.bytes()?;
        let value_from_end = after + record.0.len() + value.map_or(0, <[u8]>::len);
        for _ in 0..record.varint()? {
            let _key = record.bytes()??;
            let _value = record.bytes()?;
        }
        record.0.is_empty().then_some(Record { timestamp_delta, offset_delta, key, value, value_from_end })
    }
}

#[cfg(test)]
mod tests;
