//! The connections as timely uses them. The loss of a peer, closed or silent, is reported to the host once; the thread
//! that detected it then waits for the end of the process, so that timely sees neither progress nor a failure.
//!
//! A separate thread sends one heartbeat per second on each connection, because a worker may be busy for longer than
//! the heartbeat timeout. A heartbeat is a message in timely's format, addressed to no worker, between two others.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::Shutdown;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use timely::communication::allocator::zero_copy::stream::Stream;
use timely::communication::networking::MessageHeader;

use super::ClusterError;
use super::connection::Connection;

/// Timeout for the first bytes of a peer: process 0 begins last, when all others have.
const FIRST_TIMEOUT: Duration = Duration::from_secs(30);
/// Peer heartbeat timeout after the first bytes.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(9);
/// Heartbeat interval.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// The connections to all other processes, ready for timely.
#[derive(Debug)]
pub struct Mesh {
    /// The peers by index; empty for this process.
    pub peers: Vec<Option<Peer>>,
    /// Receives the loss of a peer.
    pub lost: Receiver<ClusterError>,
    /// The sending end of `lost`, kept so that it stays connected when all peers have ended normally.
    pub loss_sender: Sender<ClusterError>,
    /// Counter of rejected connections.
    pub rejected_connections: Arc<AtomicU64>,
}

impl Mesh {
    /// Takes over connections after the handshake, and starts their heartbeats.
    pub fn new(connections: Vec<Option<Connection>>, hosts: &[String], rejected_connections: Arc<AtomicU64>) -> Self {
        let (loss_sender, lost) = unbounded();
        let peer = |(index, connection): (usize, Option<Connection>)| {
            connection.map(|connection| {
                let peer = Peer {
                    connection,
                    index,
                    address: hosts[index].clone(),
                    loss_sender: loss_sender.clone(),
                    sent: Arc::default(),
                    received: Frames::default(),
                    has_received: false,
                };
                peer.start_heartbeats();
                peer
            })
        };
        let peers = connections.into_iter().enumerate().map(peer).collect();
        Self { peers, lost, loss_sender, rejected_connections }
    }
}

/// The connection to one peer.
#[derive(Debug)]
pub struct Peer {
    connection: Connection,
    index: usize,
    address: String,
    loss_sender: Sender<ClusterError>,
    /// Messages written; locked during a write.
    sent: Arc<Mutex<Frames>>,
    /// Messages read.
    received: Frames,
    has_received: bool,
}

impl Peer {
    /// Sends heartbeats until the connection fails, or timely has written its last message.
    fn start_heartbeats(&self) {
        // Without a second handle there are no heartbeats, and the peer reports this process as lost.
        let own = self.connection.set_write_timeout(None).and_then(|()| self.connection.try_clone());
        let Ok(mut connection) = own else { return };
        let (sent, mut heartbeat) = (Arc::clone(&self.sent), Vec::new());
        let header = MessageHeader { channel: 0, source: 0, target_lower: 0, target_upper: 0, length: 1, seqno: 0 };
        if header.write_to(&mut heartbeat).is_err() {
            return;
        }
        heartbeat.push(0);
        std::thread::spawn(move || {
            loop {
                let sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
                // Within a message no heartbeat is needed: the rest of it follows.
                if sent.ended || (sent.is_between() && connection.write_all(&heartbeat).is_err()) {
                    return;
                }
                drop(sent);
                std::thread::sleep(HEARTBEAT);
            }
        });
    }

    /// Reports the peer as lost. Does not return.
    fn lost(&self, why: String) -> ! {
        let lost = ClusterError::PeerLost { index: self.index, address: self.address.clone(), why };
        // The receiver is gone when the process is about to end.
        let _ = self.loss_sender.send(lost);
        loop {
            std::thread::park();
        }
    }
}

impl Read for Peer {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if !self.has_received {
            self.connection.set_read_timeout(Some(FIRST_TIMEOUT))?;
        }
        loop {
            match self.connection.read(buffer) {
                Ok(0) if self.received.ended => return Ok(0),
                Ok(0) => self.lost("it closed the connection".to_owned()),
                Ok(n) => {
                    if !std::mem::replace(&mut self.has_received, true) {
                        tracing::info!(index = self.index, "receiving from peer");
                        self.connection.set_read_timeout(Some(HEARTBEAT_TIMEOUT))?;
                    }
                    self.received.follow(&buffer[..n]);
                    return Ok(n);
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                        let timeout = if self.has_received { HEARTBEAT_TIMEOUT } else { FIRST_TIMEOUT };
                        self.lost(format!("no heartbeat for {} s", timeout.as_secs()));
                    }
                    _ => self.lost(error.to_string()),
                },
            }
        }
    }
}

impl Write for Peer {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let sent = Arc::clone(&self.sent);
        let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match self.connection.write(bytes) {
                Ok(0) if !bytes.is_empty() => self.lost("peer stopped reading".to_owned()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => self.lost(error.to_string()),
                Ok(n) => {
                    sent.follow(&bytes[..n]);
                    return Ok(n);
                }
            }
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.connection.flush()
    }
}

impl Stream for Peer {
    fn try_clone(&self) -> Result<Self> {
        Ok(Self {
            connection: self.connection.try_clone()?,
            index: self.index,
            address: self.address.clone(),
            loss_sender: self.loss_sender.clone(),
            sent: Arc::clone(&self.sent),
            received: Frames::default(),
            has_received: false,
        })
    }

    fn set_nonblocking(&self, nonblocking: bool) -> Result<()> {
        self.connection.set_nonblocking(nonblocking)
    }

    fn shutdown(&self, how: Shutdown) -> Result<()> {
        match self.connection.shutdown(how) {
            // The peer has closed the connection already.
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(()),
            Err(error) => Err(Error::new(error.kind(), format!("process {}: {error}", self.index))),
            Ok(()) => Ok(()),
        }
    }
}

/// Length of timely's header: six words, big-endian, the fifth of which is the length of the body.
const HEADER_BYTES: usize = 48;
/// Offset of the length in the header.
const LENGTH_AT: usize = 32;

/// Tracks the boundaries of timely's messages, to distinguish a normal end from a lost connection: timely's last
/// message is empty.
#[derive(Debug)]
struct Frames {
    header: [u8; HEADER_BYTES],
    /// Bytes of the header read.
    have: usize,
    /// Bytes of the current body still to come.
    left: u64,
    ended: bool,
}

impl Default for Frames {
    fn default() -> Self {
        Self { header: [0; HEADER_BYTES], have: 0, left: 0, ended: false }
    }
}

impl Frames {
    /// Whether the next byte starts a message.
    fn is_between(&self) -> bool {
        self.have == 0 && self.left == 0
    }

    fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let body = self.left.min(bytes.len() as u64);
            self.left -= body;
            bytes = &bytes[body as usize..];
            let head = bytes.len().min(HEADER_BYTES - self.have);
            self.header[self.have..self.have + head].copy_from_slice(&bytes[..head]);
            self.have += head;
            bytes = &bytes[head..];
            if self.have == HEADER_BYTES {
                self.have = 0;
                let length = self.header[LENGTH_AT..LENGTH_AT + 8].iter();
                self.left = length.fold(0, |length, &byte| length << 8 | u64::from(byte));
                self.ended = self.left == 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: &mut Vec<u8>, length: usize) {
        let header = MessageHeader { channel: 3, source: 1, target_lower: 0, target_upper: 2, length, seqno: 9 };
        header.write_to(bytes).unwrap();
        bytes.extend(vec![0; length]);
    }

    #[test]
    fn empty_message_marks_the_normal_end() {
        let mut bytes = Vec::new();
        [1, 48, 200, 7].into_iter().for_each(|length| message(&mut bytes, length));
        for step in [1, 5, 47, 48, 49, 1000] {
            let mut frames = Frames::default();
            bytes.chunks(step).for_each(|chunk| {
                frames.follow(chunk);
                assert!(!frames.ended);
            });
            let mut last = Vec::new();
            message(&mut last, 0);
            frames.follow(&last[..20]);
            assert!(!frames.ended);
            assert!(!frames.is_between());
            frames.follow(&last[20..]);
            assert!(frames.ended && frames.is_between(), "in steps of {step}");
        }
    }
}
