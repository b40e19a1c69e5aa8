//! One connection to a broker: TLS, credentials, and one request at a time, each with a deadline.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::ops::Range;
use std::time::{Duration, Instant};

use openssl::ssl::SslStream;

use super::protocol::{
    API_VERSIONS, Answer, Api, Authenticated, FETCH, METADATA, Malformed, Place, Request, SASL_AUTHENTICATE,
    SASL_HANDSHAKE, handshake, knows,
};
use super::sasl::{Sasl, SaslError};
use super::settings::Settings;
use crate::tls;

/// Timeout for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer, as in librdkafka (`receive.message.max.bytes`): one batch may exceed what was asked for.
const ANSWER_BYTES_MAX: u32 = 100_000_000;
/// Room that is made for an answer at a time.
const ROOM: usize = 4 << 20;
/// Error code: this mechanism is not known.
const UNSUPPORTED_MECHANISM: i16 = 33;

/// Why a broker cannot be asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    /// The connection failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The broker is silent.
    #[error("no answer within {0} s")]
    Silent(u64),
    /// The broker has ended the connection.
    #[error("the broker has closed the connection")]
    Closed,
    /// The broker does not accept the credentials.
    #[error("{0}")]
    Denied(String),
    /// The broker is too old.
    #[error("it cannot be asked for records by a topic's id, as from Kafka 3.1 on")]
    TooOld,
    /// The answer cannot be read.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The answer is longer than allowed.
    #[error("an answer of {0} bytes, of {ANSWER_BYTES_MAX} at most")]
    TooLong(u32),
}

type Result<T> = std::result::Result<T, LinkError>;

/// What the bytes go through.
enum Stream {
    Plain(TcpStream),
    Tls(Box<SslStream<TcpStream>>),
}

/// A connection.
pub(super) struct Link {
    stream: Stream,
    client_id: String,
    correlation: i32,
    timeout: Duration,
    /// When the broker wants to see credentials again: it closes the connection then.
    expires: Option<Instant>,
}

impl Link {
    /// Connects to a broker. `opened` is given the socket first: another thread may shut it down.
    pub(super) fn connect(settings: &Settings, place: &Place, opened: impl FnOnce(&TcpStream)) -> Result<Self> {
        let (host, _) = place;
        let socket = open(place, settings.answer_timeout)?;
        opened(&socket);
        let stream = match &settings.tls {
            None => Stream::Plain(socket),
            Some(tls) => Stream::Tls(Box::new(tls::connect_blocking(&tls.connector, host, tls.verifies_host, socket)?)),
        };
        let (client_id, timeout) = (settings.client_id.clone(), settings.answer_timeout);
        let mut link = Self { stream, client_id, correlation: 0, timeout, expires: None };
        let mut answer = Vec::new();
        let body = link.call(API_VERSIONS, |_| {}, &mut answer)?;
        if !knows(&answer[body], &[METADATA, FETCH])? {
            return Err(LinkError::TooOld);
        }
        if let Some(sasl) = &settings.sasl {
            link.authenticate(sasl)?;
        }
        Ok(link)
    }

    /// Whether the broker will soon want to see credentials again, which takes a new connection.
    pub(super) fn is_expired(&self) -> bool {
        self.expires.is_some_and(|expires| Instant::now() >= expires)
    }

    fn authenticate(&mut self, sasl: &Sasl) -> Result<()> {
        let (name, mut answer) = (sasl.mechanism.name(), Vec::new());
        let at = self.call(SASL_HANDSHAKE, |request| _ = request.string(name), &mut answer)?;
        let (error, known) = handshake(&answer[at])?;
        if error != 0 {
            let what = if error == UNSUPPORTED_MECHANISM { "the broker has no" } else { "the broker refuses" };
            return Err(LinkError::Denied(format!("{what} {name}; it has {}", known.join(", "))));
        }
        let mut lifetime_ms = 0;
        let outcome = sasl.authenticate(|message| {
            let write = |request: &mut Request| _ = request.i32(message.len() as i32).bytes(message);
            let at = self.call(SASL_AUTHENTICATE, write, &mut answer)?;
            let authenticated = Authenticated::parse(&answer[at])?;
            if authenticated.error != 0 {
                return Err(LinkError::Denied(format!("{name}: {}", authenticated.message)));
            }
            lifetime_ms = authenticated.lifetime_ms;
            Ok(authenticated.bytes)
        });
        outcome.map_err(|error| match error {
            SaslError::Exchange(error) => error,
            other => LinkError::Denied(format!("{name}: {other}")),
        })?;
        // With a margin: a request that is under way then would fail.
        let lifetime = Duration::from_millis(u64::try_from(lifetime_ms).unwrap_or(0)).mul_f64(0.8);
        self.expires = (lifetime_ms > 0).then(|| Instant::now() + lifetime);
        Ok(())
    }

    /// Sends a request, and puts its answer at the start of the buffer. Returns where its body lies there, after the
    /// header; what comes later is of an earlier answer.
    pub(super) fn call(
        &mut self,
        api: Api,
        write: impl FnOnce(&mut Request),
        answer: &mut Vec<u8>,
    ) -> Result<Range<usize>> {
        self.correlation = self.correlation.wrapping_add(1);
        let mut request = Request::new(api, self.correlation, &self.client_id);
        write(&mut request);
        let framed = request.framed();
        let len = match &mut self.stream {
            Stream::Plain(stream) => exchange(stream, &framed, answer),
            Stream::Tls(stream) => exchange(&mut **stream, &framed, answer),
        };
        let len = len.map_err(|error| match error {
            LinkError::Io(error) if error.kind() == ErrorKind::UnexpectedEof => LinkError::Closed,
            // This is how the system says that the time is over.
            LinkError::Io(error) if error.kind() == ErrorKind::WouldBlock => LinkError::Silent(self.timeout.as_secs()),
            other => other,
        })?;
        let mut header = Answer::new(&answer[..len], 0);
        if header.i32()? != self.correlation {
            return Err(Malformed.into());
        }
        if api.is_tagged {
            header.skip_tags()?;
        }
        Ok(header.at()..len)
    }
}

/// Sends a request and receives its answer, whose length is returned.
fn exchange(stream: &mut (impl Read + Write), framed: &[u8], answer: &mut Vec<u8>) -> Result<usize> {
    let mut head = [0; 4];
    stream.write_all(framed)?;
    stream.read_exact(&mut head)?;
    receive(stream, u32::from_be_bytes(head), answer)?;
    Ok(u32::from_be_bytes(head) as usize)
}

/// Receives the bytes of an answer. A buffer that was as long before is not cleared, and one that is much longer is not
/// kept; bytes that are only claimed take no memory.
fn receive(stream: &mut impl Read, len: u32, answer: &mut Vec<u8>) -> Result<()> {
    if len > ANSWER_BYTES_MAX {
        return Err(LinkError::TooLong(len));
    }
    let (len, mut at) = (len as usize, 0);
    if answer.len() > len.saturating_mul(4) {
        *answer = Vec::new();
    }
    while at < len {
        let end = len.min(at + ROOM);
        if answer.len() < end {
            answer.reserve_exact(end - answer.len());
            answer.resize(end, 0);
        }
        stream.read_exact(&mut answer[at..end])?;
        at = end;
    }
    Ok(())
}

/// Opens a socket to the first address of a host that answers.
fn open(place: &Place, timeout: Duration) -> io::Result<TcpStream> {
    let (host, port) = place;
    // An IPv6 address is written in brackets.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut last = io::Error::new(ErrorKind::NotFound, "its name has no address");
    for address in (host, *port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(socket) => {
                socket.set_nodelay(true)?;
                socket.set_read_timeout(Some(timeout))?;
                socket.set_write_timeout(Some(timeout))?;
                return Ok(socket);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests;
