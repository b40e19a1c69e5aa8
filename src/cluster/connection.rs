//! A connection to another process: a TCP socket, or the local end of an encrypting pump.

use std::io::{Read, Result, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A connection to another process.
#[derive(Debug)]
pub enum Connection {
    /// An unencrypted socket.
    Plain(TcpStream),
    /// The local end of a pump that encrypts.
    Pumped(UnixStream),
}

impl Connection {
    /// Another handle to the same connection.
    pub fn try_clone(&self) -> Result<Self> {
        match self {
            Self::Plain(stream) => stream.try_clone().map(Self::Plain),
            Self::Pumped(stream) => stream.try_clone().map(Self::Pumped),
        }
    }

    /// Sets the non-blocking mode of all handles.
    pub fn set_nonblocking(&self, nonblocking: bool) -> Result<()> {
        match self {
            Self::Plain(stream) => stream.set_nonblocking(nonblocking),
            Self::Pumped(stream) => stream.set_nonblocking(nonblocking),
        }
    }

    /// Sets the read timeout of all handles.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> Result<()> {
        match self {
            Self::Plain(stream) => stream.set_read_timeout(timeout),
            Self::Pumped(stream) => stream.set_read_timeout(timeout),
        }
    }

    /// Sets the write timeout of all handles.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> Result<()> {
        match self {
            Self::Plain(stream) => stream.set_write_timeout(timeout),
            Self::Pumped(stream) => stream.set_write_timeout(timeout),
        }
    }

    /// Shuts down one direction or both.
    pub fn shutdown(&self, how: Shutdown) -> Result<()> {
        match self {
            Self::Plain(stream) => stream.shutdown(how),
            Self::Pumped(stream) => stream.shutdown(how),
        }
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Pumped(stream) => stream.read(buffer),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Pumped(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Pumped(stream) => stream.flush(),
        }
    }
}
