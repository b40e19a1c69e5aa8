//! Memory for answers: reserved before the rows are read, and free again when the last byte is taken by the socket.
//!
//! So clients that ask for much and read nothing cost a fixed amount together, however many they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::ApiError;

/// Default memory for all answers together, in bytes.
pub const ANSWERS_BYTES_MAX: usize = 96 << 20;
/// What an answer takes besides its rows, in bytes: most of it is the state of its compression.
const ANSWER_BYTES: usize = 256 << 10;
/// Unit of a reservation, in bytes.
const UNIT_BYTES: usize = 1 << 10;
/// How long a request waits for memory before it is answered with 503.
const WAIT: Duration = Duration::from_secs(2);

/// The memory of all answers that are being made or sent.
#[derive(Debug)]
pub struct Answers {
    units: Arc<Semaphore>,
    units_max: usize,
    refused: AtomicU64,
}

impl Answers {
    /// Memory of that many bytes.
    pub fn new(bytes_max: usize) -> Self {
        let units_max = bytes_max / UNIT_BYTES;
        Self { units: Arc::new(Semaphore::new(units_max)), units_max, refused: AtomicU64::new(0) }
    }

    /// Reserves memory for an answer whose rows, and the JSON made of them, have `bytes`. Waits if there is none.
    pub async fn reserve(&self, bytes: usize) -> Result<Reservation, ApiError> {
        let units = u32::try_from((bytes + ANSWER_BYTES).div_ceil(UNIT_BYTES).min(self.units_max)).unwrap_or(u32::MAX);
        match tokio::time::timeout(WAIT, Arc::clone(&self.units).acquire_many_owned(units)).await {
            Ok(Ok(permit)) => Ok(Reservation(permit)),
            _ => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Err(ApiError::busy("too many other answers are being sent"))
            }
        }
    }

    /// Reserved bytes.
    pub fn reserved_bytes(&self) -> u64 {
        ((self.units_max - self.units.available_permits()) * UNIT_BYTES) as u64
    }

    /// Number of answers for which there was no memory.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// Memory reserved for one answer.
#[derive(Debug)]
pub struct Reservation(OwnedSemaphorePermit);

impl Reservation {
    /// An encoded answer that keeps what it needs of the memory until it is sent.
    pub fn hold(mut self, json: Vec<u8>) -> Held {
        let needed = (json.capacity() + ANSWER_BYTES).div_ceil(UNIT_BYTES);
        drop(self.0.num_permits().checked_sub(needed).and_then(|spare| self.0.split(spare)));
        Held { json, _reservation: self }
    }
}

/// An encoded answer, or part of one, with its memory.
#[derive(Debug)]
pub struct Held {
    json: Vec<u8>,
    _reservation: Reservation,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.json
    }
}

impl IntoResponse for Held {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "application/json")], Body::from(Bytes::from_owner(self))).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_is_free_when_the_last_copy_is() {
        let answers = Answers::new(1 << 20);
        let reservation = answers.reserve(700 << 10).await.unwrap();
        assert_eq!(answers.reserved_bytes(), 956 << 10);
        let bytes = Bytes::from_owner(reservation.hold(vec![b' '; 10 << 10]));
        assert_eq!(answers.reserved_bytes(), 266 << 10, "the rows are gone");
        let copy = bytes.clone();
        drop(bytes);
        assert_eq!(answers.reserved_bytes(), 266 << 10);
        drop(copy);
        assert_eq!(answers.reserved_bytes(), 0);
    }

    #[tokio::test]
    async fn answers_beyond_the_memory_are_refused() {
        let answers = Answers::new(1 << 20);
        let _all = answers.reserve(usize::MAX >> 1).await.unwrap();
        assert!(answers.reserve(0).await.is_err());
        assert_eq!(answers.refused(), 1);
    }
}
