//! The five requests of Kafka's protocol that reading needs, each in one version: fields are written and read by hand,
//! and records stay where they lie in an answer.
//!
//! The versions are the oldest that ask for records by a topic's id (Kafka 3.1). An answer is not trusted: nothing is
//! allocated for a length that it only claims.

use std::ops::Range;

use super::walk::Aborted;

/// A kind of request, in the version that is used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Api {
    /// Its number.
    pub key: i16,
    /// Its version.
    pub version: i16,
    /// Whether its headers end with tagged fields, as in newer versions.
    pub is_tagged: bool,
}

/// Which versions a broker knows.
pub(super) const API_VERSIONS: Api = Api { key: 18, version: 0, is_tagged: false };
/// How this client wants to authenticate.
pub(super) const SASL_HANDSHAKE: Api = Api { key: 17, version: 1, is_tagged: false };
/// The messages of an authentication.
pub(super) const SASL_AUTHENTICATE: Api = Api { key: 36, version: 1, is_tagged: false };
/// Brokers, and the leader of each partition.
pub(super) const METADATA: Api = Api { key: 3, version: 12, is_tagged: true };
/// Records.
pub(super) const FETCH: Api = Api { key: 1, version: 13, is_tagged: true };

/// An answer that is not what the protocol says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer is not what Kafka's protocol says")]
pub(super) struct Malformed;

type Result<T> = std::result::Result<T, Malformed>;

/// A request's bytes, written field by field.
#[derive(Debug, Default)]
pub(super) struct Request(pub Vec<u8>);

impl Request {
    /// Begins a request: its header.
    pub(super) fn new(api: Api, correlation: i32, client_id: &str) -> Self {
        let mut request = Self::default();
        request.i32(0).i16(api.key).i16(api.version).i32(correlation).string(client_id);
        if api.is_tagged {
            request.no_tags()
        } else {
            &mut request
        };
        request
    }

    /// The bytes to send, with their length in front.
    pub(super) fn framed(mut self) -> Vec<u8> {
        let len = self.0.len() as u32 - 4;
        self.0[..4].copy_from_slice(&len.to_be_bytes());
        self.0
    }

    pub(super) fn i8(&mut self, value: i8) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(super) fn i16(&mut self, value: i16) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(super) fn i32(&mut self, value: i32) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(super) fn i64(&mut self, value: i64) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// A text with a length of two bytes.
    pub(super) fn string(&mut self, text: &str) -> &mut Self {
        self.i16(text.len() as i16).bytes(text.as_bytes())
    }

    /// Bytes as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The number of elements of a newer version's array, or `None`.
    pub(super) fn count(&mut self, count: Option<u8>) -> &mut Self {
        self.bytes(&[count.map_or(0, |count| count + 1)])
    }

    /// No tagged fields.
    pub(super) fn no_tags(&mut self) -> &mut Self {
        self.bytes(&[0])
    }
}

/// An answer, read field by field.
#[derive(Clone, Debug)]
pub(super) struct Answer<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Answer<'a> {
    /// An answer from this place on.
    pub(super) const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// How far it was read.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    fn range(&mut self, len: usize) -> Result<Range<usize>> {
        let end = self.at.checked_add(len).filter(|end| *end <= self.bytes.len()).ok_or(Malformed)?;
        Ok(std::mem::replace(&mut self.at, end)..end)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let range = self.range(N)?;
        self.bytes[range].first_chunk().copied().ok_or(Malformed)
    }

    pub(super) fn i16(&mut self) -> Result<i16> {
        self.array().map(i16::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32> {
        self.array().map(i32::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64> {
        self.array().map(i64::from_be_bytes)
    }

    /// Bytes after a length of two or four bytes. A negative length means no bytes.
    fn sized(&mut self, len: i32) -> Result<&'a [u8]> {
        let range = self.range(usize::try_from(len).unwrap_or(0))?;
        Ok(&self.bytes[range])
    }

    fn uvarint(&mut self) -> Result<usize> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let [byte] = self.array()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    /// Where the bytes lie that follow a newer version's length.
    fn compact(&mut self) -> Result<Range<usize>> {
        let len = self.uvarint()?.saturating_sub(1);
        self.range(len)
    }

    fn text(&mut self) -> Result<String> {
        let range = self.compact()?;
        Ok(String::from_utf8_lossy(&self.bytes[range]).into_owned())
    }

    /// Reads each element of a newer version's array.
    fn each(&mut self, mut read: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        (1..self.uvarint()?).try_for_each(|_| read(self))
    }

    /// Reads each tagged field, by its number.
    fn tags(&mut self, mut read: impl FnMut(usize, Answer<'a>) -> Result<()>) -> Result<()> {
        for _ in 0..self.uvarint()? {
            let tag = self.uvarint()?;
            let len = self.uvarint()?;
            let range = self.range(len)?;
            read(tag, Answer::new(&self.bytes[..range.end], range.start))?;
        }
        Ok(())
    }

    pub(super) fn skip_tags(&mut self) -> Result<()> {
        self.tags(|_, _| Ok(()))
    }
}

/// Whether a broker knows a request in its version. `answer` is that to [`API_VERSIONS`].
pub(super) fn knows(answer: &[u8], apis: &[Api]) -> Result<bool> {
    let mut answer = Answer::new(answer, 0);
    let (_error, count) = (answer.i16()?, answer.i32()?);
    let mut known = 0;
    for _ in 0..count {
        let (key, least, most) = (answer.i16()?, answer.i16()?, answer.i16()?);
        known += apis.iter().filter(|api| api.key == key && (least..=most).contains(&api.version)).count();
    }
    Ok(known == apis.len())
}

/// Answer to [`SASL_HANDSHAKE`]: the error, if any, and the mechanisms that the broker knows.
pub(super) fn handshake(answer: &[u8]) -> Result<(i16, Vec<String>)> {
    let mut answer = Answer::new(answer, 0);
    let (error, count) = (answer.i16()?, answer.i32()?);
    let mut mechanisms = Vec::new();
    for _ in 0..count {
        let len = answer.i16()?;
        mechanisms.push(String::from_utf8_lossy(answer.sized(len.into())?).into_owned());
    }
    Ok((error, mechanisms))
}

/// Answer to [`SASL_AUTHENTICATE`].
pub(super) struct Authenticated {
    /// Not 0 if the credentials are not accepted.
    pub error: i16,
    /// The broker's words about that.
    pub message: String,
    /// The mechanism's own message.
    pub bytes: Vec<u8>,
    /// Milliseconds until the broker wants to see credentials again; 0 for never.
    pub lifetime_ms: i64,
}

impl Authenticated {
    pub(super) fn parse(answer: &[u8]) -> Result<Self> {
        let mut answer = Answer::new(answer, 0);
        let (error, len) = (answer.i16()?, answer.i16()?);
        let message = String::from_utf8_lossy(answer.sized(len.into())?).into_owned();
        let len = answer.i32()?;
        let bytes = answer.sized(len)?.to_vec();
        Ok(Self { error, message, bytes, lifetime_ms: answer.i64()? })
    }
}

/// Where a broker is.
pub(super) type Place = (String, u16);

/// Answer to [`METADATA`] about one topic.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    /// All brokers, by id.
    pub brokers: Vec<(i32, Place)>,
    /// The topic's error, or 0.
    pub error: i16,
    /// Each partition's leader (-1 for none) and its epoch.
    pub leaders: Vec<(i32, i32, i32)>,
}

impl Metadata {
    /// Asks for a topic by its id.
    pub(super) fn ask(request: &mut Request, topic_id: &[u8; 16]) {
        request.count(Some(1)).bytes(topic_id).count(None).no_tags().i8(0).i8(0).no_tags();
    }

    pub(super) fn parse(bytes: &[u8], at: usize) -> Result<Self> {
        let (mut answer, mut metadata) = (Answer::new(bytes, at), Self::default());
        let _throttled = answer.i32()?;
        answer.each(|broker| {
            let (id, host, port) = (broker.i32()?, broker.text()?, broker.i32()?);
            let _rack = broker.compact()?;
            metadata.brokers.push((id, (host, u16::try_from(port).map_err(|_| Malformed)?)));
            broker.skip_tags()
        })?;
        let (_cluster, _controller) = (answer.compact()?, answer.i32()?);
        answer.each(|topic| {
            metadata.error = topic.i16()?;
            let (_name, _id, _is_internal) = (topic.compact()?, topic.range(16)?, topic.range(1)?);
            topic.each(|partition| {
                let _error = partition.i16()?;
                let (number, leader, epoch) = (partition.i32()?, partition.i32()?, partition.i32()?);
                metadata.leaders.push((number, leader, epoch));
                // Replicas: all, those in step, those away.
                (0..3).try_for_each(|_| partition.each(|replica| replica.i32().map(drop)))?;
                partition.skip_tags()
            })?;
            let _operations = topic.i32()?;
            topic.skip_tags()
        })?;
        Ok(metadata)
    }
}

/// A request for records of one partition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    /// The topic.
    pub topic_id: [u8; 16],
    /// The partition.
    pub partition: i32,
    /// The leader's epoch, as metadata has it.
    pub leader_epoch: i32,
    /// The next offset.
    pub offset: i64,
    /// Epoch of the record before it, or -1: the broker compares it with its log, which may have been cut.
    pub last_epoch: i32,
    /// How long the broker may wait for records, in milliseconds.
    pub wait_ms: i32,
    /// Bytes of the answer. A first batch that is longer comes as a whole.
    pub bytes_max: i32,
}

impl Ask {
    pub(super) fn write(&self, request: &mut Request) {
        const CONSUMER: i32 = -1;
        const COMMITTED: i8 = 1;
        const NO_SESSION: i32 = 0;
        const NO_EPOCH: i32 = -1;
        request.i32(CONSUMER).i32(self.wait_ms).i32(1).i32(self.bytes_max).i8(COMMITTED).i32(NO_SESSION).i32(NO_EPOCH);
        request.count(Some(1)).bytes(&self.topic_id).count(Some(1));
        request.i32(self.partition).i32(self.leader_epoch).i64(self.offset).i32(self.last_epoch);
        // The start of the log, which only replicas know; no tags of partition and topic.
        request.i64(-1).i32(self.bytes_max).no_tags().no_tags();
        // No topics to forget, and an empty rack.
        request.count(Some(0)).count(Some(0)).no_tags();
    }
}

/// Answer to [`FETCH`] about one partition.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// Milliseconds for which the broker wants no further request.
    pub throttled_ms: i32,
    /// The error, or 0.
    pub error: i16,
    /// One past the last record that may be read: those of open transactions may not.
    pub end: i64,
    /// The aborted transactions among the records.
    pub aborted: Vec<Aborted>,
    /// Where the batches lie in the answer.
    pub range: Range<usize>,
    /// If the log does not go on from the record before: the last epoch that both know, and where it ends.
    pub diverged: Option<(i32, i64)>,
}

impl Records {
    pub(super) fn parse(bytes: &[u8], at: usize) -> Result<Self> {
        let (mut answer, mut records) = (Answer::new(bytes, at), Self::default());
        records.throttled_ms = answer.i32()?;
        let error = answer.i16()?;
        let _session = answer.i32()?;
        answer.each(|topic| {
            let _id = topic.range(16)?;
            topic.each(|partition| {
                let _number = partition.i32()?;
                records.error = partition.i16()?;
                let _high_watermark = partition.i64()?;
                records.end = partition.i64()?;
                let _first = partition.i64()?;
                partition.each(|aborted| {
                    let (producer_id, first_offset) = (aborted.i64()?, aborted.i64()?);
                    records.aborted.push(Aborted { producer_id, first_offset });
                    aborted.skip_tags()
                })?;
                let _preferred = partition.i32()?;
                records.range = partition.compact()?;
                partition.tags(|tag, mut field| {
                    if tag == 0 {
                        records.diverged = Some((field.i32()?, field.i64()?)).filter(|(_, end)| *end >= 0);
                    }
                    Ok(())
                })
            })?;
            topic.skip_tags()
        })?;
        if error != 0 {
            records.error = error;
        }
        Ok(records)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn answers_of_any_bytes_are_read_or_malformed(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = (knows(&bytes, &[FETCH]), handshake(&bytes), Authenticated::parse(&bytes).is_ok());
            let _ = Metadata::parse(&bytes, 0);
            if let Ok(records) = Records::parse(&bytes, 0) {
                prop_assert!(records.range.end <= bytes.len());
            }
        }
    }

    #[test]
    fn a_count_that_is_only_claimed_costs_nothing() {
        // Two thousand million versions, and none of them.
        assert_eq!(knows(&[0, 0, 0x7f, 0xff, 0xff, 0xff], &[FETCH]), Err(Malformed));
        let known = [0, 0, 0, 0, 0, 1, 0, 1, 0, 4, 0, 13];
        assert_eq!((knows(&known, &[FETCH]), knows(&known, &[FETCH, METADATA])), (Ok(true), Ok(false)));
    }
}
