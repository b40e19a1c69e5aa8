//! The sockets as timely gets them. A peer that is gone or silent is told to whoever runs the workers, once; the thread
//! that noticed then waits for the end of the process, so that timely sees neither progress nor a failure in it.
//!
//! A process beats once a second on each connection, from a thread of its own: a worker may be busy for longer than a
//! peer may be silent. A beat is a message of timely's form for no worker at all, between two others.

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

/// The first bytes of a peer may take so long: process 0 may still be waiting for another one to be ready.
const FIRST_MAX: Duration = Duration::from_secs(120);
/// After that a peer that was not heard for so long is lost.
const SILENCE_MAX: Duration = Duration::from_secs(9);
/// Between two beats.
const BEAT: Duration = Duration::from_secs(1);

/// The connections to all other processes, ready for timely.
#[derive(Debug)]
pub struct Mesh {
    /// By index; empty for this process.
    pub peers: Vec<Option<Peer>>,
    /// Tells of the loss of a peer.
    pub lost: Receiver<ClusterError>,
    /// The other end of that; kept, since peers that have ended well tell nothing.
    pub tell: Sender<ClusterError>,
    /// How many knocked that are no peers.
    pub strangers: Arc<AtomicU64>,
}

impl Mesh {
    /// Of connections over which nothing has been said but the handshake. From now on they beat.
    pub fn new(links: Vec<Option<Connection>>, hosts: &[String], strangers: Arc<AtomicU64>) -> Self {
        let (tell, lost) = unbounded();
        let peer = |(index, connection): (usize, Option<Connection>)| {
            connection.map(|connection| {
                let peer = Peer {
                    connection,
                    index,
                    address: hosts[index].clone(),
                    tell: tell.clone(),
                    sent: Arc::default(),
                    frames: Frames::default(),
                    was_heard: false,
                };
                peer.beat();
                peer
            })
        };
        let peers = links.into_iter().enumerate().map(peer).collect();
        Self { peers, lost, tell, strangers }
    }
}

/// One of them.
#[derive(Debug)]
pub struct Peer {
    connection: Connection,
    index: usize,
    address: String,
    tell: Sender<ClusterError>,
    /// What was written; held while something is.
    sent: Arc<Mutex<Frames>>,
    /// What was read.
    frames: Frames,
    was_heard: bool,
}

impl Peer {
    /// Beats until the peer is gone, or has been told that nothing follows.
    fn beat(&self) {
        // Without a handle of its own it cannot beat, and the peer will say so.
        let own = self.connection.set_write_timeout(None).and_then(|()| self.connection.try_clone());
        let Ok(mut connection) = own else { return };
        let (sent, mut beat) = (Arc::clone(&self.sent), Vec::new());
        let header = MessageHeader { channel: 0, source: 0, target_lower: 0, target_upper: 0, length: 1, seqno: 0 };
        if header.write_to(&mut beat).is_err() {
            return;
        }
        beat.push(0);
        std::thread::spawn(move || {
            loop {
                let sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
                // In the middle of a message the rest of it is on its way, which is as good.
                if sent.ended || (sent.is_between() && connection.write_all(&beat).is_err()) {
                    return;
                }
                drop(sent);
                std::thread::sleep(BEAT);
            }
        });
    }

    /// Does not return.
    fn lost(&self, why: String) -> ! {
        let lost = ClusterError::PeerLost { index: self.index, address: self.address.clone(), why };
        // Nobody listens any more when the process is about to end.
        let _ = self.tell.send(lost);
        loop {
            std::thread::park();
        }
    }
}

impl Read for Peer {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if !self.was_heard {
            self.connection.set_read_timeout(Some(FIRST_MAX))?;
        }
        loop {
            match self.connection.read(buffer) {
                Ok(0) if self.frames.ended => return Ok(0),
                Ok(0) => self.lost("it closed the connection".to_owned()),
                Ok(n) => {
                    if !std::mem::replace(&mut self.was_heard, true) {
                        tracing::info!(index = self.index, "a peer is heard");
                        self.connection.set_read_timeout(Some(SILENCE_MAX))?;
                    }
                    self.frames.follow(&buffer[..n]);
                    return Ok(n);
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                        let silence = if self.was_heard { SILENCE_MAX } else { FIRST_MAX };
                        self.lost(format!("nothing was heard of it for {} s", silence.as_secs()));
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
                Ok(0) if !bytes.is_empty() => self.lost("it takes nothing any more".to_owned()),
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
            tell: self.tell.clone(),
            sent: Arc::clone(&self.sent),
            frames: Frames::default(),
            was_heard: false,
        })
    }

    fn set_nonblocking(&self, nonblocking: bool) -> Result<()> {
        self.connection.set_nonblocking(nonblocking)
    }

    fn shutdown(&self, how: Shutdown) -> Result<()> {
        match self.connection.shutdown(how) {
            // The peer, which had ended before, is not there to be told.
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(()),
            Err(error) => Err(Error::new(error.kind(), format!("process {}: {error}", self.index))),
            Ok(()) => Ok(()),
        }
    }
}

/// Length of timely's header: six words, big-endian, the fifth of which is the length of what follows.
const HEADER_BYTES: usize = 48;
/// Where the length begins.
const LENGTH_AT: usize = 32;

/// Follows timely's messages, to know whether a peer that closes the connection has said that it would: its last
/// message is empty.
#[derive(Debug)]
struct Frames {
    header: [u8; HEADER_BYTES],
    have: usize,
    /// Bytes of the message at hand that are still to come.
    left: u64,
    ended: bool,
}

impl Default for Frames {
    fn default() -> Self {
        Self { header: [0; HEADER_BYTES], have: 0, left: 0, ended: false }
    }
}

impl Frames {
    /// Whether the next byte begins a message.
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
    fn an_end_that_was_announced_is_told_from_one_that_was_not() {
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
