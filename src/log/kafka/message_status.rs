//! Whether the cluster may have a message that was not delivered: a function of librdkafka that its Rust wrapper lacks.

#![allow(unsafe_code, reason = "calls into a C library; the block says why it is sound")]

use rdkafka::bindings as c;
use rdkafka::message::BorrowedMessage;

/// Whether the cluster certainly does not have it, so that it can be written again without being there twice.
pub(super) fn is_not_written(message: &BorrowedMessage<'_>) -> bool {
    // SAFETY: the message is borrowed from the library, which reads its state.
    let status = unsafe { c::rd_kafka_message_status(message.ptr()) };
    matches!(status, c::rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_NOT_PERSISTED)
}
