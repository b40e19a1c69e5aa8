//! Batches written here, read again, and mutated.

use proptest::prelude::*;

use super::*;

/// Bound of what one batch takes.
const BYTES_MAX: usize = 1 << 20;

/// A record to write.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Written {
    /// Offsets left out before it.
    gap: u8,
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

fn put(out: &mut Vec<u8>, value: i64) {
    let mut value = (value << 1 ^ value >> 63) as u64;
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_bytes(out: &mut Vec<u8>, bytes: Option<&Vec<u8>>) {
    put(out, bytes.map_or(-1, |bytes| bytes.len() as i64));
    out.extend(bytes.into_iter().flatten());
}

/// The header's fields that tests choose.
#[derive(Clone, Copy, Debug, Default)]
struct Fields {
    base_offset: i64,
    leader_epoch: i32,
    attributes: i16,
    producer_id: i64,
    last_offset_delta: i32,
    records: i32,
}

fn batch(fields: Fields, body: &[u8]) -> Vec<u8> {
    let mut covered = Vec::new();
    covered.extend(fields.attributes.to_be_bytes());
    covered.extend(fields.last_offset_delta.to_be_bytes());
    covered.extend(1_000_i64.to_be_bytes());
    covered.extend(9_999_i64.to_be_bytes());
    covered.extend(fields.producer_id.to_be_bytes());
    covered.extend([0; 6]);
    covered.extend(fields.records.to_be_bytes());
    covered.extend(body);
    let mut out = fields.base_offset.to_be_bytes().to_vec();
    out.extend((covered.len() as i32 + 9).to_be_bytes());
    out.extend(fields.leader_epoch.to_be_bytes());
    out.push(MAGIC);
    out.extend(crc32c::crc32c(&covered).to_be_bytes());
    out.extend(covered);
    out
}

fn body(records: &[Written]) -> (Vec<u8>, i32) {
    let (mut out, mut offset) = (Vec::new(), -1);
    for record in records {
        offset += 1 + i64::from(record.gap);
        let mut bytes = vec![0];
        put(&mut bytes, record.timestamp - 1_000);
        put(&mut bytes, offset);
        put_bytes(&mut bytes, record.key.as_ref());
        put_bytes(&mut bytes, record.value.as_ref());
        put(&mut bytes, record.headers.len() as i64);
        for (key, value) in &record.headers {
            put_bytes(&mut bytes, Some(key));
            put_bytes(&mut bytes, value.as_ref());
        }
        put(&mut out, bytes.len() as i64);
        out.extend(bytes);
    }
    (out, offset.max(0) as i32)
}

fn whole(base_offset: i64, attributes: i16, records: &[Written]) -> Vec<u8> {
    let (body, last_offset_delta) = body(records);
    let count = records.len() as i32;
    let fields = Fields { base_offset, leader_epoch: 3, attributes, producer_id: 7, last_offset_delta, records: count };
    batch(fields, &body)
}

/// A control batch: the end of a transaction.
fn control(base_offset: i64, producer_id: i64, kind: i16) -> Vec<u8> {
    let key = Some([0_i16.to_be_bytes(), kind.to_be_bytes()].concat());
    let (body, _) = body(&[Written { gap: 0, timestamp: 1_000, key, value: Some(vec![0; 6]), headers: Vec::new() }]);
    let attributes = CONTROL | TRANSACTIONAL;
    batch(Fields { base_offset, attributes, producer_id, records: 1, ..Fields::default() }, &body)
}

type Read = Vec<(u64, Option<i64>, Option<i32>, Option<Vec<u8>>)>;

fn read(walk: &mut Walk, mut bytes: &[u8]) -> Result<Read, Damage> {
    let mut out = RecordBatch::default();
    while let Some(len) = walk.next(bytes, &mut out)? {
        bytes = &bytes[len..];
    }
    let value = |span: &RecordSpan| (!span.is_tombstone).then(|| out.record(span).to_vec());
    Ok(out.records.iter().map(|span| (span.offset, span.timestamp_ms, span.leader_epoch, value(span))).collect())
}

fn expected(base_offset: i64, records: &[Written]) -> Read {
    let mut offset = base_offset as u64;
    let mut read = Vec::new();
    for record in records {
        offset += u64::from(record.gap);
        let timestamp = Some(record.timestamp).filter(|timestamp| *timestamp >= 0);
        read.push((offset, timestamp, Some(3), record.value.clone()));
        offset += 1;
    }
    read
}

fn records() -> impl Strategy<Value = Vec<Written>> {
    let bytes = || prop::option::of(prop::collection::vec(any::<u8>(), 0..200));
    let headers = prop::collection::vec((prop::collection::vec(any::<u8>(), 0..9), bytes()), 0..3);
    let record = (0..3_u8, -5..i64::MAX / 2, bytes(), bytes(), headers);
    let record =
        record.prop_map(|(gap, timestamp, key, value, headers)| Written { gap, timestamp, key, value, headers });
    prop::collection::vec(record, 0..20)
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        base in 0..i64::from(u32::MAX), records in records(), from in any::<prop::sample::Index>()
    ) {
        let bytes = whole(base, 0, &records);
        let expected = expected(base, &records);
        let mut walk = Walk::new(base as u64, BYTES_MAX);
        prop_assert_eq!(&read(&mut walk, &bytes).unwrap(), &expected);
        let end = walk.position();
        prop_assert_eq!(end, expected.last().map_or(base as u64 + 1, |last| last.0 + 1));
        // From an offset inside, and with the next batch cut.
        let position = base as u64 + from.index((end - base as u64) as usize) as u64;
        let mut walk = Walk::new(position, BYTES_MAX);
        let two = [bytes.as_slice(), &bytes[..bytes.len() - 1]].concat();
        let later: Read = expected.into_iter().filter(|record| record.0 >= position).collect();
        prop_assert_eq!(read(&mut walk, &two).unwrap(), later);
    }

    #[test]
    fn every_flipped_bit_is_refused(records in records(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let base = 1 << 20;
        let mut bytes = whole(base, 0, &records);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let mut walk = Walk::new(base as u64, BYTES_MAX);
        let read = read(&mut walk, &bytes);
        match at {
            // The checksum does not cover these. A lower offset is refused, a higher one looks like a gap.
            0..8 if read.is_ok() => prop_assert!(walk.position() > base as u64 + records.len() as u64),
            12..16 => prop_assert!(read.is_ok()),
            // A longer batch has not come as a whole: the reader that gets nothing at all says so.
            8..12 if read.is_ok() => prop_assert!(walk.position() == base as u64),
            _ => prop_assert!(read.is_err(), "byte {}, bit {}", at, bit),
        }
    }

    #[test]
    fn mutated_batches_are_records_or_damage(
        records in records(),
        attributes in 0..0x60_i16,
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)
    ) {
        let mut bytes = whole(5, attributes, &records);
        for (at, byte) in places {
            let at = CRC_FROM + at.index(bytes.len() - CRC_FROM);
            bytes[at] = byte;
        }
        // The checksum of the mutated bytes, so that they are looked at.
        let sum = crc32c::crc32c(&bytes[CRC_FROM..]);
        bytes[17..21].copy_from_slice(&sum.to_be_bytes());
        let mut walk = Walk::new(5, BYTES_MAX);
        let mut out = RecordBatch::default();
        out.push(1, b"before", None);
        if walk.next(&bytes, &mut out).is_err() {
            prop_assert_eq!((out.records.len(), out.bytes.as_slice()), (1, b"before".as_slice()));
            prop_assert_eq!(walk.position(), 5);
        }
        out.records.iter().for_each(|span| drop(out.record(span).to_vec()));
    }
}

fn plain(value: &str) -> Written {
    Written { gap: 0, timestamp: 1_234, key: None, value: Some(value.into()), headers: Vec::new() }
}

#[test]
fn a_compressed_batch_is_read_in_place() {
    let records: Vec<_> = (0..500).map(|n| plain(&format!("record {n}"))).collect();
    let (plain_body, last_offset_delta) = body(&records);
    let packed = zstd::bulk::compress(&plain_body, 3).unwrap();
    let fields =
        Fields { base_offset: 40, leader_epoch: 3, attributes: 4, records: 500, last_offset_delta, producer_id: -1 };
    let bytes = batch(fields, &packed);
    assert_eq!(read(&mut Walk::new(0, BYTES_MAX), &bytes).unwrap(), expected(40, &records));
    let error = read(&mut Walk::new(0, 99), &bytes).unwrap_err();
    assert_eq!(error, Damage::new(40, Wrong::Compressed(CodecError::TooLarge(99))));
    let unknown = batch(Fields { attributes: 6, ..fields }, &packed);
    assert_eq!(read(&mut Walk::new(0, BYTES_MAX), &unknown).unwrap_err().what, Wrong::Codec(6));
}

#[test]
fn the_log_s_own_time_is_that_of_the_whole_batch() {
    let bytes = whole(0, LOG_APPEND_TIME, &[plain("a"), plain("b")]);
    let times: Vec<_> = read(&mut Walk::new(0, BYTES_MAX), &bytes).unwrap().iter().map(|record| record.1).collect();
    assert_eq!(times, [Some(9_999); 2]);
}

#[test]
fn headers_that_do_not_fit_are_refused() {
    let records = [plain("a"), plain("b")];
    let (body, _) = body(&records);
    let fields = Fields { base_offset: 9, last_offset_delta: 1, records: 2, ..Fields::default() };
    let wrong = |fields| read(&mut Walk::new(9, BYTES_MAX), &batch(fields, &body)).unwrap_err().what;
    assert!(read(&mut Walk::new(9, BYTES_MAX), &batch(fields, &body)).is_ok());
    assert_eq!(wrong(Fields { records: 1, ..fields }), Wrong::Count(1));
    assert_eq!(wrong(Fields { records: 3, ..fields }), Wrong::Record(2));
    assert_eq!(wrong(Fields { records: -1, ..fields }), Wrong::Count(-1));
    assert_eq!(wrong(Fields { last_offset_delta: 0, ..fields }), Wrong::Record(1), "a later offset than its last");
    assert_eq!(wrong(Fields { last_offset_delta: -1, ..fields }), Wrong::Order(9));
    assert_eq!(wrong(Fields { base_offset: 7, ..fields }), Wrong::Order(9), "before what was read");
    assert_eq!(wrong(Fields { base_offset: i64::MIN, ..fields }), Wrong::Order(9));
    let short = [&batch(fields, &body)[..8], &5_i32.to_be_bytes(), &[0; 60]].concat();
    assert_eq!(read(&mut Walk::new(9, BYTES_MAX), &short).unwrap_err(), Damage::new(9, Wrong::Length(5)));
    assert_eq!(cut(&batch(fields, &body)[..70]), Damage::new(9, Wrong::Cut(body.len() as i32 + 49)));
    assert_eq!(cut(b"123").what, Wrong::Cut(-1));
}

#[test]
fn aborted_transactions_are_left_out() {
    let of = |base: i64, producer: i64, text: &str| {
        let (body, last_offset_delta) = body(&[plain(text)]);
        let fields = Fields {
            base_offset: base,
            attributes: TRANSACTIONAL,
            producer_id: producer,
            records: 1,
            last_offset_delta,
            leader_epoch: 3,
        };
        batch(fields, &body)
    };
    let log = [
        of(0, 1, "aborted"),
        of(1, 2, "committed"),
        whole(2, 0, &[plain("no transaction")]),
        of(3, 1, "aborted"),
        control(4, 1, ABORT),
        of(5, 1, "the next transaction"),
        control(6, 2, 1),
        control(7, 1, 1),
        of(8, 2, "aborted too"),
        control(9, 2, ABORT),
    ];
    let aborted = |producer_id, first_offset| Aborted { producer_id, first_offset };
    let texts = |walk: &mut Walk, from: usize| -> Vec<String> {
        let read = read(walk, &log[from..].concat()).unwrap();
        read.into_iter().map(|record| String::from_utf8(record.3.unwrap()).unwrap()).collect()
    };
    let mut walk = Walk::new(0, BYTES_MAX);
    walk.begin(vec![aborted(2, 8), aborted(1, 0)]);
    assert_eq!(texts(&mut walk, 0), ["committed", "no transaction", "the next transaction"]);
    assert_eq!(walk.position(), 10, "past the ends of transactions");
    // In the middle of one: the answer names it all the same.
    let mut walk = Walk::new(3, BYTES_MAX);
    walk.begin(vec![aborted(1, 0), aborted(2, 8)]);
    assert_eq!(texts(&mut walk, 3), ["the next transaction"]);
    // What an answer does not name was not aborted.
    let mut walk = Walk::new(3, BYTES_MAX);
    walk.begin(Vec::new());
    assert_eq!(texts(&mut walk, 3), ["aborted", "the next transaction", "aborted too"]);
}
