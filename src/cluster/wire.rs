//! Message format before timely takes over the sockets: magic, length (4 bytes, big-endian), JSON.
//!
//! Every read has a deadline and a maximum length, since a connection may come from anyone.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::connection::Connection;

/// First bytes of every message.
pub const MAGIC: [u8; 8] = *b"tickline";
/// Maximum size of a message from a known peer, in bytes: the plan contains a checkpoint's header.
pub const BYTES_MAX: usize = 64 << 20;

/// Failure to read a message.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The connection failed or was closed.
    #[error("the connection ended: {0}")]
    Ended(std::io::Error),
    /// No complete message arrived before the deadline.
    #[error("timed out waiting for a message")]
    Timeout,
    /// The bytes are not a message of this protocol.
    #[error("unexpected message on the cluster port")]
    Foreign,
}

/// Sends a message.
pub fn write(connection: &mut Connection, message: &impl Serialize) -> std::io::Result<()> {
    let body = serde_json::to_vec(message)?;
    let mut bytes = Vec::with_capacity(MAGIC.len() + 4 + body.len());
    bytes.extend(MAGIC);
    bytes.extend((body.len() as u32).to_be_bytes());
    bytes.extend(body);
    // A single write, so that no other message is interleaved.
    connection.write_all(&bytes)
}

/// Waits for a message.
pub fn read<M: DeserializeOwned>(
    connection: &mut Connection,
    deadline: Instant,
    bytes_max: usize,
) -> Result<M, FrameError> {
    let mut magic = [0; MAGIC.len()];
    fill(connection, &mut magic, deadline)?;
    if magic != MAGIC {
        return Err(FrameError::Foreign);
    }
    let mut length = [0; 4];
    fill(connection, &mut length, deadline)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > bytes_max {
        return Err(FrameError::Foreign);
    }
    let mut body = vec![0; length];
    fill(connection, &mut body, deadline)?;
    serde_json::from_slice(&body).map_err(|_| FrameError::Foreign)
}

fn fill(connection: &mut Connection, mut buffer: &mut [u8], deadline: Instant) -> Result<(), FrameError> {
    while !buffer.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(FrameError::Timeout);
        }
        connection.set_read_timeout(Some(left.max(Duration::from_millis(1)))).map_err(FrameError::Ended)?;
        match connection.read(buffer) {
            Ok(0) => return Err(FrameError::Ended(ErrorKind::UnexpectedEof.into())),
            Ok(n) => buffer = &mut buffer[n..],
            Err(error) => match error.kind() {
                ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut => {}
                _ => return Err(FrameError::Ended(error)),
            },
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn pair() -> (Connection, Connection) {
        let (one, other) = UnixStream::pair().unwrap();
        (Connection::Pumped(one), Connection::Pumped(other))
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn reading_leaves_the_bytes_that_follow() {
        let (mut one, mut other) = pair();
        write(&mut one, &("a", 5)).unwrap();
        one.write_all(b"rest").unwrap();
        assert_eq!(read::<(String, u32)>(&mut other, soon(), 100).unwrap(), ("a".to_owned(), 5));
        let mut rest = [0; 4];
        other.read_exact(&mut rest).unwrap();
        assert_eq!(&rest, b"rest");
    }

    #[test]
    fn foreign_bytes_differ_from_an_end() {
        let foreign: [&[u8]; 3] = [b"GET / HTTP/1.1\r\n", b"tickline\0\0\0\x02[}", b"tickline\xff\xff\xff\xff"];
        let ended: [&[u8]; 2] = [b"tickline\0\0", b""];
        for bytes in foreign.into_iter().chain(ended) {
            let (mut one, mut other) = pair();
            one.write_all(bytes).unwrap();
            drop(one);
            let error = read::<Vec<u32>>(&mut other, soon(), 100).unwrap_err();
            let is_foreign = matches!(error, FrameError::Foreign);
            assert_eq!(is_foreign, foreign.contains(&bytes), "{bytes:?}: {error:?}");
            assert!(is_foreign || matches!(error, FrameError::Ended(_)), "{bytes:?}: {error:?}");
        }
    }

    #[test]
    fn slow_bytes_do_not_move_the_deadline() {
        let (mut one, mut other) = pair();
        let drip = std::thread::spawn(move || {
            MAGIC.iter().chain(&[0; 100]).try_for_each(|byte| {
                std::thread::sleep(Duration::from_millis(5));
                one.write_all(&[*byte])
            })
        });
        let error = read::<u32>(&mut other, Instant::now() + Duration::from_millis(40), 100).unwrap_err();
        assert!(matches!(error, FrameError::Timeout), "{error:?}");
        drop(other);
        assert!(drip.join().unwrap().is_err());
    }
}
