//! Messages between processes of a cluster, before they know each other.

use std::fmt::Debug;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tickline::cluster::connection::Connection;
use tickline::cluster::handshake::{JoinRequest, MemberMessage, Plan, Reply};
use tickline::cluster::wire::{self, FrameError, MAGIC};

use crate::memory::within;

/// Longest message from a process that is not known yet, in bytes.
const BYTES_MAX: usize = 16 << 10;
/// Memory that reading one message may take.
const MEMORY_BYTES: usize = 8 << 20;

/// Checks bytes: as they arrive, and as the body of a message.
pub fn check(data: &[u8]) {
    if data.len() > BYTES_MAX {
        return;
    }
    within(MEMORY_BYTES, || {
        if let Err(error) = read::<JoinRequest>(data) {
            assert!(!matches!(error, FrameError::Timeout), "all there is was sent: {error}");
        }
        body::<Reply>(data);
        body::<Plan>(data);
        body::<MemberMessage>(data);
        if let Some(request) = body::<JoinRequest>(data) {
            join(&request);
        }
    });
}

/// The checks of a request: never a panic, and a process fits to itself under another index.
fn join(request: &JoinRequest) {
    let other = JoinRequest { index: request.index.wrapping_add(1), ..request.clone() };
    let fits = request.processes > other.index && other.index > request.index;
    assert_eq!(request.check(&other).is_ok(), fits, "{request:?}");
    if let Err(rejection) = other.check(request) {
        assert!(!rejection.reason.is_empty());
    }
}

/// A message of this body, read from a connection: the same as the body itself, which encodes to itself.
fn body<M: Serialize + DeserializeOwned + PartialEq + Debug>(data: &[u8]) -> Option<M> {
    let message = serde_json::from_slice::<M>(data).ok();
    let framed = [&MAGIC[..], &(data.len() as u32).to_be_bytes(), data].concat();
    assert_eq!(read::<M>(&framed).ok(), message);
    if let Some(message) = &message {
        assert_eq!(&serde_json::from_slice::<M>(&serde_json::to_vec(message).unwrap()).unwrap(), message);
    }
    message
}

fn read<M: DeserializeOwned>(bytes: &[u8]) -> Result<M, FrameError> {
    let (mut one, other) = UnixStream::pair().unwrap();
    // The buffer of a socket is larger.
    one.write_all(bytes).unwrap();
    drop(one);
    wire::read(&mut Connection::Pumped(other), Instant::now() + Duration::from_secs(60), BYTES_MAX)
}
