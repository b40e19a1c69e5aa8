//! How processes talk before the sockets go to timely: magic, length (4 bytes, big-endian), JSON.
//!
//! Everything is read within a deadline and up to a length, since whoever knocks may be anybody.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::connection::Connection;

/// What every message begins with.
pub const MAGIC: [u8; 8] = *b"tickline";
/// Longest message of a peer that is known, in bytes: the plan holds a checkpoint's header.
pub const BYTES_MAX: usize = 64 << 20;

/// Why there is no message.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The connection failed or was closed.
    #[error("the connection ended: {0}")]
    Ended(std::io::Error),
    /// Nothing whole came in time.
    #[error("nothing came in time")]
    Silent,
    /// Whoever is there does not speak this language.
    #[error("what came is none of our messages")]
    Foreign,
}

/// Sends a message.
pub fn write(connection: &mut Connection, message: &impl Serialize) -> std::io::Result<()> {
    let body = serde_json::to_vec(message)?;
    let mut bytes = Vec::with_capacity(MAGIC.len() + 4 + body.len());
    bytes.extend(MAGIC);
    bytes.extend((body.len() as u32).to_be_bytes());
    bytes.extend(body);
    // One write: nobody else's bytes come between.
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
            return Err(FrameError::Silent);
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
    fn messages_arrive_whole_and_leave_what_follows() {
        let (mut one, mut other) = pair();
        write(&mut one, &("a", 5)).unwrap();
        one.write_all(b"rest").unwrap();
        assert_eq!(read::<(String, u32)>(&mut other, soon(), 100).unwrap(), ("a".to_owned(), 5));
        let mut rest = [0; 4];
        other.read_exact(&mut rest).unwrap();
        assert_eq!(&rest, b"rest");
    }

    #[test]
    fn strangers_are_told_apart() {
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
        assert!(matches!(error, FrameError::Silent), "{error:?}");
        drop(other);
        assert!(drip.join().unwrap().is_err());
    }
}
