//! Functions of librdkafka that its Rust wrapper lacks: reading one partition in batches from an explicit offset
//! without a consumer group, and the identity of a topic.

#![allow(unsafe_code, reason = "calls into a C library; each block says why it is sound")]

use std::ffi::{CStr, CString};
use std::ptr;
use std::time::{Duration, Instant};

use rdkafka::bindings as c;
use rdkafka::client::NativeClient;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr as Code;

use super::context::Events;

/// Maximum number of messages per batch from the library's queue.
const TAKE_MAX: usize = 1_024;

/// A message, or an event in place of one.
pub(super) struct Taken<'a> {
    /// Set when this is an error or the end of the partition.
    pub error: Option<RDKafkaErrorCode>,
    /// Offset of the message; at the end of the partition, offset of the next one.
    pub offset: i64,
    /// The value, or the text of an error.
    pub payload: &'a [u8],
    /// Whether it has no value, which an empty one is not.
    pub is_null: bool,
    /// The record's timestamp in milliseconds.
    pub timestamp_ms: Option<i64>,
    /// The epoch of the leader that has written the record.
    pub leader_epoch: Option<i32>,
}

/// One partition, fetched by its own client.
pub(super) struct Fetch {
    topic: *mut c::rd_kafka_topic_t,
    queue: *mut c::rd_kafka_queue_t,
    partition: i32,
    taken: Vec<*mut c::rd_kafka_message_t>,
    /// Dropped last, since the handles above belong to it.
    client: BaseConsumer<Events>,
}

// SAFETY: librdkafka's handles may be used from any thread; they are not shared here, only moved.
unsafe impl Send for Fetch {}

impl Fetch {
    /// Starts fetching at `offset`.
    pub(super) fn start(client: BaseConsumer<Events>, topic: &str, partition: i32, offset: i64) -> KafkaResult<Self> {
        let name = CString::new(topic)?;
        let rk = client.client().native_ptr();
        // SAFETY: `rk` lives as long as `client`, which the result owns; the name is copied; a null configuration
        // stands for the client's own.
        let (topic, queue) =
            unsafe { (c::rd_kafka_topic_new(rk, name.as_ptr(), ptr::null_mut()), c::rd_kafka_queue_new(rk)) };
        let taken = vec![ptr::null_mut(); TAKE_MAX];
        let fetch = Self { topic, queue, partition, taken, client };
        // SAFETY: both handles were just made; null is checked first.
        let started =
            !topic.is_null() && unsafe { c::rd_kafka_consume_start_queue(topic, partition, offset, queue) } == 0;
        // SAFETY: reads a thread-local of the library.
        if started { Ok(fetch) } else { Err(KafkaError::ClientCreation(text_of(unsafe { c::rd_kafka_last_error() }))) }
    }

    /// End offset as of the last fetch; `None` before the first.
    pub(super) fn end(&self) -> Option<u64> {
        let (mut first, mut end) = (-1, -1);
        let rk = self.client.client().native_ptr();
        // SAFETY: the client and the topic's handle live as long as `self`; the library keeps the name while it does,
        // and writes two numbers that it remembers.
        let code = unsafe {
            let name = c::rd_kafka_topic_name(self.topic);
            c::rd_kafka_get_watermark_offsets(rk, name, self.partition, &raw mut first, &raw mut end)
        };
        u64::try_from(end).ok().filter(|_| code == Code::RD_KAFKA_RESP_ERR_NO_ERROR)
    }

    /// Passes all events of the client (errors, log lines) to its context: all, so that what was logged before the
    /// messages taken so far were fetched is known afterwards.
    pub(super) fn serve(&self) {
        // SAFETY: the client lives as long as `self`; the handle is released once, and only its queue's length is read.
        let events = unsafe {
            let main = c::rd_kafka_queue_get_main(self.client.client().native_ptr());
            let events = c::rd_kafka_queue_length(main);
            c::rd_kafka_queue_destroy(main);
            events
        };
        // Each call takes at least one.
        (0..events).for_each(|_| drop(self.client.poll(Duration::ZERO)));
    }

    /// The client's context.
    pub(super) fn events(&self) -> &Events {
        self.client.context()
    }

    /// Visits the fetched messages, at most [`TAKE_MAX`], without blocking. Returns their number.
    pub(super) fn take(&mut self, mut visit: impl FnMut(Taken<'_>)) -> usize {
        // SAFETY: the buffer holds TAKE_MAX places, and the queue is open.
        let number = unsafe { c::rd_kafka_consume_batch_queue(self.queue, 0, self.taken.as_mut_ptr(), TAKE_MAX) };
        let number = usize::try_from(number).unwrap_or(0);
        for message in &self.taken[..number] {
            // SAFETY: the library filled these places with messages that are ours until they are destroyed, once, here.
            unsafe {
                visit(taken(*message));
                c::rd_kafka_message_destroy(*message);
            }
        }
        number
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        // SAFETY: each handle is released once, before the client that it belongs to; null handles are left alone.
        unsafe {
            if !self.topic.is_null() {
                c::rd_kafka_consume_stop(self.topic, self.partition);
                c::rd_kafka_topic_destroy(self.topic);
            }
            c::rd_kafka_queue_destroy(self.queue);
        }
    }
}

/// SAFETY: `message` must be one that the library has handed out and that is not destroyed while the result is used.
unsafe fn taken<'a>(message: *mut c::rd_kafka_message_t) -> Taken<'a> {
    // SAFETY: see above; the library keeps payload and length together, and a null payload means none.
    unsafe {
        let mut kind = c::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        let timestamp_ms = c::rd_kafka_message_timestamp(message, &raw mut kind);
        let leader_epoch = c::rd_kafka_message_leader_epoch(message);
        let message = &*message;
        let payload = match message.payload.is_null() {
            true => &[],
            false => std::slice::from_raw_parts(message.payload.cast::<u8>(), message.len),
        };
        Taken {
            error: (message.err != Code::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| message.err.into()),
            offset: message.offset,
            payload,
            is_null: message.payload.is_null(),
            timestamp_ms: (timestamp_ms >= 0).then_some(timestamp_ms),
            leader_epoch: (leader_epoch >= 0).then_some(leader_epoch),
        }
    }
}

/// How much longer than a request's own timeout its answer is awaited.
const DESCRIBE_GRACE: Duration = Duration::from_secs(5);
/// Interval in which it is seen whether an answer can still come, in milliseconds.
const DESCRIBE_POLL_MS: i32 = 100;

/// Description of a topic by its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Description {
    /// Its id, given at its creation and never reused.
    pub id: String,
    /// Number of partitions.
    pub partitions: u32,
}

/// Queries the description of a topic. Gives up after the timeout, or as soon as `is_hopeless`.
pub(super) fn describe(
    client: &NativeClient,
    topic: &str,
    timeout: Duration,
    is_hopeless: impl Fn() -> bool,
) -> KafkaResult<Description> {
    let name = CString::new(topic)?;
    let mut names = [name.as_ptr()];
    let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: every object made here is destroyed here, once, and nothing that is read from the event outlives it; the
    // library copies the name.
    unsafe {
        let rk = client.ptr();
        let topics = c::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), 1);
        let options = c::rd_kafka_AdminOptions_new(rk, c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
        let mut why = [0; 128];
        c::rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, why.as_mut_ptr(), why.len());
        let queue = c::rd_kafka_queue_new(rk);
        c::rd_kafka_DescribeTopics(rk, topics, options, queue);
        // The request's own timeout comes first.
        let end = Instant::now() + timeout + DESCRIBE_GRACE;
        let event = loop {
            let event = c::rd_kafka_queue_poll(queue, DESCRIBE_POLL_MS);
            if !event.is_null() || Instant::now() >= end || is_hopeless() {
                break event;
            }
        };
        let described = description(event);
        if !event.is_null() {
            c::rd_kafka_event_destroy(event);
        }
        c::rd_kafka_queue_destroy(queue);
        c::rd_kafka_AdminOptions_destroy(options);
        c::rd_kafka_TopicCollection_destroy(topics);
        described
    }
}

/// SAFETY: `event` must be null or the answer to a DescribeTopics request.
unsafe fn description(event: *mut c::rd_kafka_event_t) -> KafkaResult<Description> {
    // SAFETY: the library's own accessors, each checked for null before it is used.
    unsafe {
        let timed_out = Code::RD_KAFKA_RESP_ERR__TIMED_OUT;
        let code = if event.is_null() { timed_out } else { c::rd_kafka_event_error(event) };
        let failed = |code: Code| Err(KafkaError::MetadataFetch(code.into()));
        if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
            return failed(code);
        }
        let mut count = 0;
        let result = c::rd_kafka_event_DescribeTopics_result(event);
        let topics = c::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if topics.is_null() || count != 1 {
            return failed(Code::RD_KAFKA_RESP_ERR__BAD_MSG);
        }
        let topic = *topics;
        let error = c::rd_kafka_TopicDescription_error(topic);
        let code = c::rd_kafka_error_code(error);
        if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
            return failed(code);
        }
        let mut partitions = 0;
        c::rd_kafka_TopicDescription_partitions(topic, &raw mut partitions);
        let id = c::rd_kafka_Uuid_base64str(c::rd_kafka_TopicDescription_topic_id(topic));
        let id = if id.is_null() { String::new() } else { CStr::from_ptr(id).to_string_lossy().into_owned() };
        Ok(Description { id, partitions: partitions as u32 })
    }
}

fn text_of(code: Code) -> String {
    RDKafkaErrorCode::from(code).to_string()
}
