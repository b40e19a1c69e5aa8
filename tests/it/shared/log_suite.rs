//! Tests of every log implementation, as functions over the traits.

use std::any::Any;
use std::time::{Duration, Instant};

use dataflows::log::batch::RecordBatch;
use dataflows::log::reject::{ORIGINAL_BYTES_MAX, RECORD_BYTES_MAX};
use tickline::exit_code::ExitCode as _;
use tickline::log::{Log, LogError, LogWriter, PartitionReader};

/// New, empty log with its writer, and its resources.
pub struct Subject {
    pub log: Box<dyn Log>,
    pub writer: Box<dyn LogWriter>,
    /// Maximum record length in bytes.
    pub record_bytes_max: usize,
    pub home: Box<dyn Any>,
}

type Make<'a> = &'a dyn Fn(u32) -> Subject;

/// Runs all tests.
pub fn all(make: Make) {
    partitions_are_separate(make);
    a_reader_sees_flushed_records(make);
    a_reader_starts_anywhere(make);
    a_missing_offset_is_lost(make);
    large_records_are_cut(make);
    odd_bytes_come_back(make);
    line_ends_are_rejected(make);
}

/// Reads up to the current end of partition 0: (offset, bytes kept, length in the log).
pub fn drain(log: &dyn Log, reader: &mut dyn PartitionReader, bytes_max: usize) -> Vec<(u64, Vec<u8>, u64)> {
    drain_to(log.end_offset(0).unwrap(), reader, bytes_max)
}

fn drain_to(end: u64, reader: &mut dyn PartitionReader, bytes_max: usize) -> Vec<(u64, Vec<u8>, u64)> {
    let mut batch = RecordBatch::default();
    let mut all = Vec::new();
    let start = Instant::now();
    loop {
        reader.read(&mut batch, bytes_max).unwrap();
        if batch.records.is_empty() {
            if reader.position() >= end {
                return all;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "offset {} of {end} after a minute", reader.position());
            std::thread::sleep(Duration::from_millis(1));
            continue;
        }
        all.extend(batch.records.iter().map(|span| (span.offset, batch.record(span).to_vec(), span.total_len)));
        assert_eq!(reader.position(), all.last().unwrap().0 + 1);
        // `None` if the log does not know.
        assert!(reader.unread().is_none_or(|unread| reader.position() + unread == end), "{:?}", reader.unread());
    }
}

fn texts(records: &[(u64, Vec<u8>, u64)]) -> Vec<String> {
    records.iter().map(|(offset, bytes, _)| format!("{offset}:{}", String::from_utf8_lossy(bytes))).collect()
}

fn partitions_are_separate(make: Make) {
    let Subject { log, mut writer, home: _home, .. } = make(3);
    assert_eq!((log.partitions(), writer.partitions()), (3, 3));
    for (partition, record) in [(2, "a"), (0, "b"), (2, "c")] {
        writer.append(partition, None, record.as_bytes()).unwrap();
    }
    writer.sync().unwrap();
    let read = |partition| {
        texts(&drain_to(log.end_offset(partition).unwrap(), &mut *log.reader(partition, 0).unwrap(), 1 << 20))
    };
    assert_eq!(read(0), ["0:b"]);
    assert_eq!(read(1), Vec::<String>::new());
    assert_eq!(read(2), ["0:a", "1:c"]);
    assert_eq!([0, 1, 2].map(|p| log.end_offset(p).unwrap()), [1, 0, 2]);
    assert!(log.end_offset(3).is_err() && log.reader(3, 0).is_err() && writer.append(3, None, b"x").is_err());
}

fn a_reader_sees_flushed_records(make: Make) {
    let Subject { log, mut writer, home: _home, .. } = make(1);
    let mut reader = log.reader(0, 0).unwrap();
    assert!(drain(&*log, &mut *reader, 1 << 20).is_empty());
    for n in 0..5_u64 {
        writer.append(0, None, format!("record {n}").as_bytes()).unwrap();
        writer.sync().unwrap();
        assert_eq!(texts(&drain(&*log, &mut *reader, 1 << 20)), [format!("{n}:record {n}")]);
        assert_eq!(log.end_offset(0).unwrap(), n + 1);
        assert_eq!(reader.unread(), Some(0));
    }
    assert!(drain(&*log, &mut *reader, 1 << 20).is_empty());
}

fn a_reader_starts_anywhere(make: Make) {
    let Subject { log, mut writer, home: _home, .. } = make(1);
    for n in 0..10_000 {
        writer.append(0, None, format!("{n}{}", "-".repeat(n % 50)).as_bytes()).unwrap();
    }
    writer.sync().unwrap();
    let whole = drain(&*log, &mut *log.reader(0, 0).unwrap(), 1 << 20);
    assert_eq!(whole.len(), 10_000);
    for offset in [0, 1, 777, 9_999, 10_000] {
        let mut reader = log.reader(0, offset as u64).unwrap();
        assert_eq!(reader.position(), offset as u64);
        assert_eq!(drain(&*log, &mut *reader, 1), whole[offset..]);
    }
}

fn a_missing_offset_is_lost(make: Make) {
    let Subject { log, mut writer, home: _home, .. } = make(1);
    writer.append(0, None, b"one").unwrap();
    writer.sync().unwrap();
    let error = log.reader(0, 2).err().unwrap();
    assert!(matches!(error, LogError::OffsetLost { partition: 0, wanted: 2, first: 0, end: 1, .. }), "{error}");
    assert_eq!(error.exit_code(), 3);
}

fn large_records_are_cut(make: Make) {
    let Subject { log, mut writer, record_bytes_max, home: _home } = make(1);
    let long = |len: usize| (0..len).map(|n| b'a' + (n % 23) as u8).collect::<Vec<_>>();
    let mut lens = vec![3, 10 << 20, RECORD_BYTES_MAX, RECORD_BYTES_MAX + 1, 2, 3 << 20, 0];
    lens.retain(|len| *len <= record_bytes_max);
    assert!(lens.contains(&(RECORD_BYTES_MAX + 1)), "something is cut");
    for &len in &lens {
        writer.append(0, None, &long(len)).unwrap();
    }
    writer.sync().unwrap();
    for bytes_max in [1, 64 << 10, 1 << 20, 4 << 20, 64 << 20] {
        let records = drain(&*log, &mut *log.reader(0, 0).unwrap(), bytes_max);
        assert_eq!(records.len(), lens.len());
        for ((_, bytes, total), len) in records.iter().zip(&lens) {
            let kept = if *len > RECORD_BYTES_MAX { ORIGINAL_BYTES_MAX } else { *len };
            assert_eq!((*total, bytes.len()), (*len as u64, kept));
            assert!(*bytes == long(kept), "the beginning is kept");
        }
    }
}

fn odd_bytes_come_back(make: Make) {
    let Subject { log, mut writer, home: _home, .. } = make(1);
    let odd: [&[u8]; 5] = [b"", b"\r", b"{\"a\":1}\r", &[0, 255, 254, 0], "grüße".as_bytes()];
    for record in odd {
        writer.append(0, None, record).unwrap();
    }
    writer.sync().unwrap();
    let records = drain(&*log, &mut *log.reader(0, 0).unwrap(), 1 << 20);
    assert_eq!(records.iter().map(|r| r.1.as_slice()).collect::<Vec<_>>(), odd);
}

fn line_ends_are_rejected(make: Make) {
    let Subject { log, mut writer, home: _home, .. } = make(1);
    assert!(writer.append(0, None, b"two\nrecords").is_err());
    writer.append(0, None, b"one").unwrap();
    writer.sync().unwrap();
    assert_eq!(
        texts(&drain(&*log, &mut *log.reader(0, 0).unwrap(), 1 << 20)),
        ["0:one"],
        "nothing of the rejected record is left"
    );
}
