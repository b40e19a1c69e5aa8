//! Properties of the directory log: plain files, torn tails, one writer, clear errors.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use dataflows::log::batch::RecordBatch;
use proptest::prelude::{Just, Strategy, any, proptest};
use proptest::{collection, prop_oneof};
use tickline::exit_code::ExitCode as _;
use tickline::log::dir::{DirLog, DirWriter};
use tickline::log::{Log, LogError, LogWriter, PartitionReader};

/// Reads to the end: (offset, kept bytes, length in the log).
fn drain(reader: &mut dyn PartitionReader, bytes_max: usize) -> Vec<(u64, Vec<u8>, u64)> {
    let mut batch = RecordBatch::default();
    let mut all = Vec::new();
    loop {
        reader.read(&mut batch, bytes_max).unwrap();
        if batch.records.is_empty() {
            return all;
        }
        all.extend(batch.records.iter().map(|span| (span.offset, batch.record(span).to_vec(), span.total_len)));
    }
}

fn home() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("log");
    (home, path)
}

fn file(path: &Path, partition: u32) -> PathBuf {
    path.join(format!("partition-{partition:05}.jsonl"))
}

fn add(path: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(file(path, 0)).unwrap().write_all(bytes).unwrap();
}

fn records(path: &Path) -> Vec<Vec<u8>> {
    let log = DirLog::open(path).unwrap();
    drain(&mut *log.reader(0, 0).unwrap(), 1 << 20).into_iter().map(|r| r.1).collect()
}

#[test]
fn files_are_plain_lines() {
    let (_home, path) = home();
    let mut writer = DirWriter::create(&path, 2).unwrap();
    writer.append(1, None, b"{\"s\":\"A\"}").unwrap();
    writer.append(1, None, b"").unwrap();
    writer.sync().unwrap();
    assert_eq!(fs::read(file(&path, 1)).unwrap(), b"{\"s\":\"A\"}\n\n");
    assert_eq!(fs::read(file(&path, 0)).unwrap(), b"");
}

#[test]
fn a_writer_completes_a_torn_last_line() {
    let (_home, path) = home();
    DirLog::create(&path, 1).unwrap();
    add(&path, b"whole\ntorn");
    assert_eq!(records(&path), [b"whole"]);
    assert_eq!(DirLog::open(&path).unwrap().end_offset(0).unwrap(), 1);
    let mut writer = DirWriter::open(&path).unwrap();
    assert_eq!(records(&path), [b"whole".as_slice(), b"torn"]);
    writer.append(0, None, b"next").unwrap();
    writer.flush().unwrap();
    drop(writer);
    drop(DirWriter::open(&path).unwrap());
    assert_eq!(records(&path), [b"whole".as_slice(), b"torn", b"next"]);
}

#[test]
fn a_growing_tail_becomes_one_record() {
    let (_home, path) = home();
    let log = DirLog::create(&path, 1).unwrap();
    let mut reader = log.reader(0, 0).unwrap();
    for piece in ["{\"a\"", ":1", "}"] {
        add(&path, piece.as_bytes());
        assert!(drain(&mut *reader, 1).is_empty());
    }
    add(&path, b"\n{");
    assert_eq!(drain(&mut *reader, 1), [(0, b"{\"a\":1}".to_vec(), 7)]);
}

#[test]
fn long_lines_need_bounded_memory() {
    let (_home, path) = home();
    let log = DirLog::create(&path, 1).unwrap();
    let mut reader = log.reader(0, 0).unwrap();
    let mut batch = RecordBatch::default();
    for _ in 0..10 {
        add(&path, &vec![b'x'; 1 << 20]);
        reader.read(&mut batch, 256 << 10).unwrap();
        assert!(batch.records.is_empty());
    }
    add(&path, b"\nnext\n");
    reader.read(&mut batch, 256 << 10).unwrap();
    assert_eq!((batch.records.len(), batch.records[0].total_len, batch.records[0].len), (1, 10 << 20, 64 << 10));
    assert!(batch.bytes.capacity() <= 512 << 10, "{} bytes", batch.bytes.capacity());
    assert_eq!(drain(&mut *reader, 256 << 10), [(1, b"next".to_vec(), 4)]);
}

#[test]
fn only_unflushed_records_are_lost() {
    let (_home, path) = home();
    let mut writer = DirWriter::create(&path, 1).unwrap();
    writer.append(0, None, b"flushed").unwrap();
    writer.flush().unwrap();
    writer.append(0, None, b"lost").unwrap();
    drop(writer);
    assert_eq!(records(&path), [b"flushed"]);
    let mut writer = DirWriter::open(&path).unwrap();
    writer.append(0, None, b"later").unwrap();
    writer.sync().unwrap();
    assert_eq!(records(&path), [b"flushed".as_slice(), b"later"]);
}

#[test]
fn a_second_writer_is_rejected() {
    let (_home, path) = home();
    let first = DirWriter::create(&path, 1).unwrap();
    let error = DirWriter::open(&path).unwrap_err();
    assert!(matches!(error, LogError::Locked { .. }));
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    assert_eq!(error.exit_code(), 1);
    drop(first);
    DirWriter::open(&path).unwrap();
}

#[test]
fn the_number_of_partitions_is_fixed() {
    let (_home, path) = home();
    let error = DirLog::open(&path).unwrap_err();
    assert!(matches!(error, LogError::Missing { .. }) && error.exit_code() == 2, "{error}");
    assert!(DirLog::create(&path, 0).is_err());
    DirLog::create(&path, 3).unwrap();
    DirLog::create(&path, 3).unwrap();
    let error = DirLog::create(&path, 4).unwrap_err();
    assert!(matches!(error, LogError::Partitions { has: 3, wanted: 4, .. }) && error.exit_code() == 2, "{error}");
    fs::remove_file(file(&path, 1)).unwrap();
    let error = DirLog::open(&path).unwrap_err();
    assert!(error.to_string().contains("partition-00001.jsonl") && error.exit_code() == 3, "{error}");
}

#[test]
fn a_partly_created_log_is_completed() {
    let (_home, path) = home();
    fs::create_dir(&path).unwrap();
    fs::write(file(&path, 2), b"").unwrap();
    assert!(DirLog::open(&path).is_err());
    assert_eq!(DirLog::create(&path, 3).unwrap().partitions(), 3);
}

#[test]
fn truncated_removed_or_replaced_files_are_errors() {
    let cuts: [fn(&Path); 3] = [
        |path| OpenOptions::new().write(true).open(file(path, 0)).unwrap().set_len(3).unwrap(),
        |path| fs::remove_file(file(path, 0)).unwrap(),
        |path| {
            fs::write(path.join("new"), b"other\nother\n").unwrap();
            fs::rename(path.join("new"), file(path, 0)).unwrap();
        },
    ];
    for cut in cuts {
        let (_home, path) = home();
        let log = DirLog::create(&path, 1).unwrap();
        add(&path, b"one\ntwo\n");
        let mut reader = log.reader(0, 0).unwrap();
        drain(&mut *reader, 1);
        cut(&path);
        let error = reader.read(&mut RecordBatch::default(), 1).unwrap_err();
        assert!(matches!(error, LogError::OffsetLost { wanted: 2, .. }) && error.exit_code() == 3, "{error}");
    }
}

#[test]
fn a_full_disk_is_reported() {
    let (_home, path) = home();
    DirLog::create(&path, 1).unwrap();
    fs::remove_file(file(&path, 0)).unwrap();
    std::os::unix::fs::symlink("/dev/full", file(&path, 0)).unwrap();
    let mut writer = DirWriter::open(&path).unwrap();
    writer.append(0, None, b"x").unwrap();
    for _ in 0..2 {
        let error = writer.flush().unwrap_err();
        assert!(error.to_string().contains("disk is full"), "{error}");
    }
}

/// One step of an independent writer and reader.
#[derive(Clone, Debug)]
enum Step {
    Append(Vec<u8>),
    Read(usize),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let byte = prop_oneof![3 => any::<u8>(), 1 => Just(b'\n')];
    prop_oneof![
        3 => collection::vec(byte, 0..40).prop_map(Step::Append),
        1 => (4_000_usize..20_000).prop_map(|len| Step::Append(vec![b'y'; len])),
        2 => (0_usize..10_000).prop_map(Step::Read),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #[test]
    fn any_interleaving_yields_the_same_records(steps in collection::vec(step(), 0..60)) {
        let (_home, path) = home();
        let log = DirLog::create(&path, 1).unwrap();
        let mut reader = log.reader(0, 0).unwrap();
        let mut written = Vec::new();
        let mut read = Vec::new();
        for step in steps.into_iter().chain([Step::Append(b"\n".to_vec()), Step::Read(1)]) {
            match step {
                Step::Append(bytes) => {
                    add(&path, &bytes);
                    written.extend(bytes);
                }
                Step::Read(bytes_max) => read.extend(drain(&mut *reader, bytes_max)),
                Step::Reopen => reader = log.reader(0, reader.position()).unwrap(),
            }
        }
        // Expected: the whole file split at line ends.
        let mut wanted: Vec<_> = written.split(|b| *b == b'\n').collect();
        wanted.pop();
        assert_eq!(read.iter().map(|r| r.1.as_slice()).collect::<Vec<_>>(), wanted);
        assert!(read.iter().zip(0..).all(|(r, offset)| r.0 == offset && r.2 == r.1.len() as u64));
        assert_eq!(log.end_offset(0).unwrap(), wanted.len() as u64);
    }
}
