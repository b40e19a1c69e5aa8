//! The part of CQL's native protocol that the proxy needs: the statements of a request, and error responses. Version 4,
//! which the driver uses, without compression.

use std::collections::HashMap;
use std::io::{Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;

const HEADER_BYTES: usize = 9;
const REQUEST: u8 = 0x04;
const RESPONSE: u8 = 0x84;
const ERROR: u8 = 0x00;
const STARTUP: u8 = 0x01;
const READY: u8 = 0x02;
const QUERY: u8 = 0x07;
const RESULT: u8 = 0x08;
const PREPARE: u8 = 0x09;
const EXECUTE: u8 = 0x0a;
const BATCH: u8 = 0x0d;
/// Kind of the result of a PREPARE.
const PREPARED: u32 = 4;
const TRACED: u8 = 0x02;
const WARNED: u8 = 0x08;

/// Effect of a fault on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The node does it, and the client gets a timeout.
    DoneTimeout,
    /// The node never sees it, and the client gets a timeout.
    LostTimeout,
    /// The node never sees it, and the client gets an overload error.
    Overloaded,
    /// The node never sees it, and the client gets an unavailable error.
    Unavailable,
    /// The client gets a timeout, and the node does it when the test calls `deliver`.
    Late,
    /// The node does it, and the client gets no response.
    DoneSilence,
    /// The node never sees it, and the client gets no response.
    LostSilence,
    /// The node does it, and the connection ends before the response.
    DoneCut,
    /// The node never sees it, and the connection ends.
    LostCut,
}

/// Selection among the matching requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The next N.
    Next(u64),
    /// Only this one, counted from 1.
    Nth(u64),
    /// One of every N.
    Every(u64),
}

/// Fault: an effect, and the requests that it hits.
#[derive(Clone, Copy)]
pub struct Fault {
    /// Matches a request if it matches any of its statements.
    pub fits: fn(&str) -> bool,
    /// Effect.
    pub how: How,
    /// Selection among the matching requests.
    pub which: Which,
}

/// Whether a statement writes rows unconditionally.
pub fn writes_rows(statement: &str) -> bool {
    let head = statement.trim_start().get(..6).unwrap_or_default().to_ascii_uppercase();
    ["INSERT", "UPDATE"].contains(&head.as_str()) && !is_conditional(statement)
}

/// Whether a statement is a compare-and-set.
pub fn is_conditional(statement: &str) -> bool {
    statement.to_ascii_uppercase().split_whitespace().any(|word| word == "IF")
}

/// Action for a request or a response.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    Answer(Vec<u8>),
    Cut,
    Nothing,
}

/// Pending responses of a connection, by stream id.
#[derive(Debug, Default)]
pub struct Streams(Mutex<HashMap<[u8; 2], Waits>>);

#[derive(Debug)]
enum Waits {
    /// Prepares this text.
    Prepare(String),
    /// Its response is to be replaced.
    Hit(How, Vec<u8>),
}

/// Active fault, and the statements prepared over any connection.
#[derive(Debug, Default)]
pub struct Faults(Mutex<State>);

#[derive(Default)]
struct State {
    fault: Option<Fault>,
    fitting: u64,
    made: u64,
    last: String,
    late: Vec<Vec<u8>>,
    prepared: HashMap<Vec<u8>, String>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} hit, {} prepared", self.made, self.fitting, self.prepared.len())
    }
}

impl Faults {
    pub fn set(&self, fault: Option<Fault>) {
        let mut state = self.0.lock().unwrap();
        if fault.is_some() {
            (state.fitting, state.made, state.last) = (0, 0, String::new());
        }
        state.fault = fault;
    }

    /// Number of requests hit since the fault was set, and the statement of the last one.
    pub fn made(&self) -> (u64, String) {
        let state = self.0.lock().unwrap();
        (state.made, state.last.clone())
    }

    /// Delivers late requests to the node over a separate connection; returns their number.
    pub fn deliver(&self, server: SocketAddr) -> usize {
        let late = std::mem::take(&mut self.0.lock().unwrap().late);
        let mut node = TcpStream::connect(server).unwrap();
        let version = [&1_u16.to_be_bytes()[..], &text("CQL_VERSION"), &text("3.0.0")].concat();
        node.write_all(&frame(REQUEST, [0; 2], STARTUP, &version)).unwrap();
        assert_eq!(read_frame(&mut node).unwrap()[4], READY);
        for request in &late {
            node.write_all(request).unwrap();
            assert_eq!(read_frame(&mut node).unwrap()[4], RESULT, "the node did it");
        }
        late.len()
    }

    /// Action for a request.
    pub fn request(&self, streams: &Streams, frame: &[u8]) -> Verdict {
        let (stream, body) = (stream(frame), &frame[HEADER_BYTES..]);
        if frame[4] == PREPARE
            && let Some(text) = Body(body).long_text()
        {
            streams.0.lock().unwrap().insert(stream, Waits::Prepare(text));
        }
        let mut state = self.0.lock().unwrap();
        let statements = state.statements(frame[4], body).unwrap_or_default();
        let Some(how) = state.hits(&statements) else { return Verdict::Pass };
        let kind = match frame[4] {
            BATCH => "UNLOGGED_BATCH",
            _ if is_conditional(&state.last) => "CAS",
            _ => "SIMPLE",
        };
        let answer = error(stream, how, kind);
        match how {
            How::LostTimeout | How::Overloaded | How::Unavailable => Verdict::Answer(answer),
            How::Late => {
                state.late.push(frame.to_vec());
                Verdict::Answer(answer)
            }
            How::LostCut => Verdict::Cut,
            How::LostSilence => Verdict::Nothing,
            How::DoneTimeout | How::DoneSilence | How::DoneCut => {
                streams.0.lock().unwrap().insert(stream, Waits::Hit(how, answer));
                Verdict::Pass
            }
        }
    }

    /// Action for a response.
    pub fn response(&self, streams: &Streams, frame: &[u8]) -> Verdict {
        match streams.0.lock().unwrap().remove(&stream(frame)) {
            Some(Waits::Prepare(text)) if frame[4] == RESULT => {
                if let Some(id) = Body(&frame[HEADER_BYTES..]).prepared_id(frame[1]) {
                    self.0.lock().unwrap().prepared.insert(id, text);
                }
                Verdict::Pass
            }
            // A request that failed by itself was not done, so its error passes unchanged.
            Some(Waits::Hit(how, answer)) if frame[4] != ERROR => match how {
                How::DoneCut => Verdict::Cut,
                How::DoneSilence => Verdict::Nothing,
                _ => Verdict::Answer(answer),
            },
            _ => Verdict::Pass,
        }
    }
}

impl State {
    /// The statements that a request executes.
    fn statements(&self, opcode: u8, body: &[u8]) -> Option<Vec<String>> {
        let mut body = Body(body);
        match opcode {
            QUERY => Some(vec![body.long_text()?]),
            EXECUTE => Some(vec![self.prepared.get(body.short_bytes()?)?.clone()]),
            BATCH => {
                body.take(1)?;
                let count = body.number(2)?;
                let statement = |_| {
                    let text = match body.number(1)? {
                        0 => body.long_text()?,
                        _ => self.prepared.get(body.short_bytes()?)?.clone(),
                    };
                    for _ in 0..body.number(2)? {
                        // Null and unset are negative lengths.
                        let length = body.number(4)?.cast_signed();
                        body.take(usize::try_from(length).unwrap_or(0))?;
                    }
                    Some(text)
                };
                (0..count).map(statement).collect()
            }
            _ => None,
        }
    }

    /// Counts a request, and returns the effect if it is hit.
    fn hits(&mut self, statements: &[String]) -> Option<How> {
        let fault = self.fault?;
        let statement = statements.iter().find(|statement| (fault.fits)(statement))?;
        self.fitting += 1;
        let is_hit = match fault.which {
            Which::Next(count) => self.fitting <= count,
            Which::Nth(at) => self.fitting == at,
            Which::Every(count) => (self.fitting - 1).is_multiple_of(count),
        };
        if !is_hit {
            return None;
        }
        self.made += 1;
        self.last.clone_from(statement);
        Some(fault.how)
    }
}

/// A whole frame, header included.
pub fn read_frame(from: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut frame = vec![0; HEADER_BYTES];
    from.read_exact(&mut frame)?;
    if frame[0] & 0x7f != 4 || frame[1] & 1 != 0 {
        let what = format!("version {} with flags {} is not supported by the proxy", frame[0] & 0x7f, frame[1]);
        eprintln!("proxy: {what}");
        return Err(Error::new(ErrorKind::InvalidData, what));
    }
    let body_bytes = u32::from_be_bytes([frame[5], frame[6], frame[7], frame[8]]);
    frame.resize(HEADER_BYTES + body_bytes as usize, 0);
    from.read_exact(&mut frame[HEADER_BYTES..])?;
    Ok(frame)
}

fn stream(frame: &[u8]) -> [u8; 2] {
    [frame[2], frame[3]]
}

/// Error response of a node.
fn error(stream: [u8; 2], how: How, kind: &str) -> Vec<u8> {
    const LOCAL_QUORUM: [u8; 2] = [0, 6];
    let one = 1_u32.to_be_bytes();
    let none = 0_u32.to_be_bytes();
    let (code, more): (u32, Vec<u8>) = match how {
        How::Overloaded => (0x1001, Vec::new()),
        How::Unavailable => (0x1000, [&LOCAL_QUORUM[..], &one, &none].concat()),
        _ => (0x1100, [&LOCAL_QUORUM[..], &none, &one, &text(kind)].concat()),
    };
    let body = [&code.to_be_bytes()[..], &text("error from the proxy"), &more].concat();
    frame(RESPONSE, stream, ERROR, &body)
}

fn frame(version: u8, stream: [u8; 2], opcode: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[version, 0, stream[0], stream[1], opcode][..], &length, body].concat()
}

fn text(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat()
}

/// Rest of a body; its readers return `None` at an early end.
struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, bytes: usize) -> Option<u32> {
        Some(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    fn short_bytes(&mut self) -> Option<&'a [u8]> {
        let count = self.number(2)?;
        self.take(count as usize)
    }

    fn long_text(&mut self) -> Option<String> {
        let count = self.number(4)?;
        String::from_utf8(self.take(count as usize)?.to_vec()).ok()
    }

    /// Id in the response to a PREPARE.
    fn prepared_id(&mut self, flags: u8) -> Option<Vec<u8>> {
        if flags & TRACED != 0 {
            self.take(16)?;
        }
        if flags & WARNED != 0 {
            for _ in 0..self.number(2)? {
                self.short_bytes()?;
            }
        }
        (self.number(4)? == PREPARED).then(|| self.short_bytes().map(<[u8]>::to_vec))?
    }
}
