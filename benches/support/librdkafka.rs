//! Baseline for reading: librdkafka fetches all partitions, and all records are discarded.
//!
//! Two ways, with one client per thread: message by message through the wrapper's own consumer, as programs do; and
//! with a thousand messages per call through the C interface, the fastest way that the library offers.

#![allow(unsafe_code, reason = "the wrapper has no call for batches")]

use std::ffi::CString;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::bindings as c;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

/// Way to read messages from the library.
#[derive(Clone, Copy)]
pub enum By {
    /// One per call.
    Polls,
    /// A thousand per call.
    Batches,
}

/// Reads `records` records, all of the topic, from the start with `threads` threads; returns the seconds until the last
/// one was read.
pub fn read_and_discard(broker: &str, topic: &str, partitions: u32, threads: usize, records: u64, by: By) -> f64 {
    let start = Instant::now();
    let left = AtomicU64::new(records);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|thread| {
                let own: Vec<u32> = (0..partitions).skip(thread).step_by(threads).collect();
                let left = &left;
                scope.spawn(move || match by {
                    By::Polls => polls(broker, topic, &own, left),
                    By::Batches => batches(broker, topic, &own, left),
                })
            })
            .collect();
        let ends = threads.into_iter().map(|thread| thread.join().expect("the thread ends well"));
        ends.max().expect("there is a thread").duration_since(start).as_secs_f64()
    })
}

fn client(broker: &str) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", broker)
        .set("fetch.wait.max.ms", "100")
        .set("queued.min.messages", "10000000")
        .set("queued.max.messages.kbytes", "16384")
        .set("fetch.message.max.bytes", "4194304")
        .set("fetch.queue.backoff.ms", "10")
        .set("enable.auto.commit", "false")
        .set("group.id", "bench");
    config.create().expect("a client")
}

/// Reads until all threads are done; returns when this thread read its last record.
fn polls(broker: &str, topic: &str, partitions: &[u32], left: &AtomicU64) -> Instant {
    let client = client(broker);
    let mut own = TopicPartitionList::new();
    for partition in partitions {
        own.add_partition_offset(topic, *partition as i32, Offset::Beginning).expect("a partition");
    }
    client.assign(&own).expect("it is there");
    let (mut last, mut untold) = (Instant::now(), 0);
    loop {
        let message = client.poll(Duration::from_millis(10));
        untold += u64::from(message.is_some_and(|message| message.expect("no error").payload().is_some()));
        // The shared counter is updated rarely, except at the end.
        if untold >= 1_024 || untold > 0 && left.load(Ordering::Relaxed) <= 65_536 {
            last = Instant::now();
            left.fetch_sub(untold, Ordering::Relaxed);
            untold = 0;
        }
        if left.load(Ordering::Relaxed) == 0 {
            return last;
        }
    }
}

/// Reads until all threads are done; returns when this thread read its last record.
fn batches(broker: &str, topic: &str, partitions: &[u32], left: &AtomicU64) -> Instant {
    let client = client(broker);
    let name = CString::new(topic).expect("a name");
    let rk = client.client().native_ptr();
    let mut messages = vec![ptr::null_mut(); 1_024];
    let mut last = Instant::now();
    // SAFETY: the handles are used by this thread only, and released before the client.
    unsafe {
        let topic = c::rd_kafka_topic_new(rk, name.as_ptr(), ptr::null_mut());
        let queue = c::rd_kafka_queue_new(rk);
        for partition in partitions {
            assert_eq!(c::rd_kafka_consume_start_queue(topic, *partition as i32, 0, queue), 0);
        }
        while left.load(Ordering::Relaxed) > 0 {
            let number = c::rd_kafka_consume_batch_queue(queue, 10, messages.as_mut_ptr(), messages.len());
            let taken = &messages[..usize::try_from(number).expect("no error")];
            for message in taken {
                assert_eq!((**message).err, c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR);
                c::rd_kafka_message_destroy(*message);
            }
            if !taken.is_empty() {
                last = Instant::now();
                left.fetch_sub(taken.len() as u64, Ordering::Relaxed);
            }
        }
        for partition in partitions {
            c::rd_kafka_consume_stop(topic, *partition as i32);
        }
        c::rd_kafka_topic_destroy(topic);
        c::rd_kafka_queue_destroy(queue);
    }
    last
}
