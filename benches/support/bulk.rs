//! This program's own reader of a topic: alone, and its walk over the same bytes without a broker.

use std::path::Path;
use std::time::Instant;

use dataflows::log::batch::RecordBatch;
use tickline::log::address::LogAddress;
use tickline::log::kafka::bulk::walk::Walk;

/// Bytes of a read, as the worker has it.
const READ_BYTES: usize = 256 << 10;
/// Bytes that a batch may take uncompressed.
const BATCH_BYTES_MAX: usize = 128 << 20;

/// Reads `records` records, all of the topic, from the start with `threads` threads; returns the seconds.
pub fn read_and_discard(address: &str, partitions: u32, threads: usize, records: u64) -> f64 {
    let log = address.parse::<LogAddress>().expect("an address").open().expect("the topic");
    let start = Instant::now();
    let read = |thread: usize| {
        let open =
            |partition| (log.reader(partition, 0).expect("it is there"), log.end_offset(partition).expect("it is"));
        let mut readers: Vec<_> = (0..partitions).skip(thread).step_by(threads).map(open).collect();
        let (mut batch, mut read) = (RecordBatch::default(), 0);
        readers.iter_mut().for_each(|(reader, _)| reader.wake(std::thread::current()));
        while readers.iter().any(|(reader, end)| reader.position() < *end) {
            let before = read;
            for (reader, _) in &mut readers {
                reader.read(&mut batch, READ_BYTES).expect("no error");
                read += batch.records.len() as u64;
            }
            if read == before {
                std::thread::park_timeout(std::time::Duration::from_millis(10));
            }
        }
        read
    };
    assert_eq!(on_threads(threads, read), records);
    start.elapsed().as_secs_f64()
}

/// Walks the segments of the topic in the broker's folder; returns the seconds, without those of reading the files.
pub fn walk(data: &Path, topic: &str, partitions: u32, threads: usize, records: u64) -> f64 {
    let segments = |partition: u32| -> Vec<Vec<u8>> {
        let folder = std::fs::read_dir(data.join(format!("{topic}-{partition}"))).expect("the partition's folder");
        let mut paths: Vec<_> = folder.map(|entry| entry.expect("an entry").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == "log"));
        paths.sort();
        paths.iter().map(|path| std::fs::read(path).expect("a segment")).collect()
    };
    let all: Vec<_> = (0..partitions).map(segments).collect();
    let start = Instant::now();
    let read = |thread: usize| {
        let (mut batch, mut read) = (RecordBatch::default(), 0);
        for segments in all.iter().skip(thread).step_by(threads) {
            let mut walk = Walk::new(0, BATCH_BYTES_MAX);
            for segment in segments {
                let mut rest = segment.as_slice();
                while let Some(len) = walk.next(rest, &mut batch).expect("whole batches") {
                    rest = &rest[len..];
                    if batch.bytes.len() >= READ_BYTES {
                        read += batch.records.len() as u64;
                        batch.clear();
                    }
                }
            }
            read += batch.records.len() as u64;
            batch.clear();
        }
        read
    };
    assert_eq!(on_threads(threads, read), records);
    start.elapsed().as_secs_f64()
}

/// The sum of what each thread counts.
fn on_threads(threads: usize, count: impl Fn(usize) -> u64 + Sync) -> u64 {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn({
                    let count = &count;
                    move || count(thread)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("it counts")).sum()
    })
}
