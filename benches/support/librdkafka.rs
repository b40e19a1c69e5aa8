//! The baseline of reading: librdkafka fetches all partitions and every record is thrown away unseen.
//!
//! The fastest way that the library offers is taken, so that the comparison flatters nobody: one client a thread, one
//! queue for all its partitions, a thousand messages a call.

#![allow(unsafe_code, reason = "the wrapper has no call for batches")]

use std::ffi::CString;
use std::ptr;
use std::time::Instant;

use rdkafka::ClientConfig;
use rdkafka::bindings as c;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

/// Reads `records` records of all partitions from the start with so many threads; returns the seconds it took.
pub fn read_and_discard(broker: &str, topic: &str, partitions: u32, threads: usize, records: u64) -> f64 {
    let start = Instant::now();
    let read: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|thread| {
                let own: Vec<u32> = (0..partitions).skip(thread).step_by(threads).collect();
                scope.spawn(move || one_thread(broker, topic, &own))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("the thread ends well")).sum()
    });
    assert_eq!(read, records, "every record is read");
    start.elapsed().as_secs_f64()
}

fn one_thread(broker: &str, topic: &str, partitions: &[u32]) -> u64 {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", broker)
        .set("enable.partition.eof", "true")
        .set("queued.min.messages", "10000000")
        .set("queued.max.messages.kbytes", "16384")
        .set("fetch.message.max.bytes", "4194304")
        .set("fetch.queue.backoff.ms", "10");
    let client: BaseConsumer = config.create().expect("a client");
    let name = CString::new(topic).expect("a name");
    let rk = client.client().native_ptr();
    let mut messages = vec![ptr::null_mut(); 1_024];
    let (mut read, mut ends) = (0, 0);
    // SAFETY: the handles are used by this thread only, and released before the client.
    unsafe {
        let topic = c::rd_kafka_topic_new(rk, name.as_ptr(), ptr::null_mut());
        let queue = c::rd_kafka_queue_new(rk);
        for partition in partitions {
            assert_eq!(c::rd_kafka_consume_start_queue(topic, *partition as i32, 0, queue), 0);
        }
        while ends < partitions.len() {
            let number = c::rd_kafka_consume_batch_queue(queue, 100, messages.as_mut_ptr(), messages.len());
            for message in &messages[..usize::try_from(number).expect("no error")] {
                match (**message).err {
                    c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => read += 1,
                    c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF => ends += 1,
                    other => panic!("{other:?}"),
                }
                c::rd_kafka_message_destroy(*message);
            }
        }
        for partition in partitions {
            c::rd_kafka_consume_stop(topic, *partition as i32);
        }
        c::rd_kafka_topic_destroy(topic);
        c::rd_kafka_queue_destroy(queue);
    }
    read
}
