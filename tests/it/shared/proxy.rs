//! Fault proxy between a program and its server, controlled by the test: it passes, delays, holds, cuts or refuses
//! connections, and for CQL answers some requests itself. Its counters let a test prove that its fault occurred.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::shared::process::wait_for;
use crate::shared::proxy_cql::{self as cql, Fault, Faults, Streams, Verdict};

/// Polling interval of waiting threads.
const POLL_EVERY: Duration = Duration::from_millis(2);

/// State of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Everything passes.
    Open,
    /// Blocked: connections are accepted, but nothing passes until the link is open again; then all of it does.
    Held,
    /// Nothing listens, and existing connections are cut.
    Refused,
}

/// Unit of forwarding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// Any bytes.
    Bytes,
    /// A frame of CQL's native protocol.
    Frame,
}

/// Counters of a proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accepted connections.
    pub connections: u64,
    /// Connections that the proxy cut.
    pub cut: u64,
    /// Units that waited while the link was held.
    pub held: u64,
    /// Responses that were delayed.
    pub delayed: u64,
}

#[derive(Debug, Default)]
struct Counters {
    connections: AtomicU64,
    cut: AtomicU64,
    held: AtomicU64,
    delayed: AtomicU64,
}

#[derive(Debug)]
struct Connection {
    client: TcpStream,
    server: TcpStream,
    is_cut: AtomicBool,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    unit: Unit,
    link: Mutex<Link>,
    delay_ms: AtomicU64,
    faults: Faults,
    counters: Counters,
    connections: Mutex<Vec<Arc<Connection>>>,
    is_listening: AtomicBool,
    is_stopped: AtomicBool,
}

/// Running proxy, stopped on drop.
#[derive(Debug)]
pub struct Proxy {
    /// Listening address, `127.0.0.1:port`.
    pub address: String,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Proxy for any protocol.
    pub fn plain(server: &str) -> Self {
        Self::start(server, Unit::Bytes)
    }

    /// Proxy for a Cassandra node. The driver reads the node's address from its tables but keeps the given port, so
    /// with one node on the same address all of its connections come here.
    pub fn cql(server: &str) -> Self {
        Self::start(server, Unit::Frame)
    }

    fn start(server: &str, unit: Unit) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            server: server.parse().unwrap(),
            unit,
            link: Mutex::new(Link::Open),
            delay_ms: AtomicU64::new(0),
            faults: Faults::default(),
            counters: Counters::default(),
            connections: Mutex::default(),
            is_listening: AtomicBool::new(true),
            is_stopped: AtomicBool::new(false),
        });
        let ours = Arc::clone(&shared);
        let listening = std::thread::spawn(move || listen(&ours, listener, address));
        Self { address: address.to_string(), shared, listening: Some(listening) }
    }

    /// Switches the link, and waits until that is done.
    pub fn set(&self, link: Link) {
        *self.shared.link.lock().unwrap() = link;
        let is_listening = link != Link::Refused;
        wait_for("the proxy's listener", || {
            (self.shared.is_listening.load(Ordering::SeqCst) == is_listening).then_some(())
        });
        if !is_listening {
            self.cut();
        }
    }

    /// Delays each response from now on.
    pub fn delay(&self, by: Duration) {
        self.shared.delay_ms.store(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        for connection in self.shared.connections.lock().unwrap().drain(..) {
            connection.cut(&self.shared);
        }
    }

    /// Sets a fault for requests from now on, and resets [`Self::faults`].
    pub fn fault(&self, fault: Fault) {
        self.shared.faults.set(Some(fault));
    }

    /// Ends the fault.
    pub fn no_fault(&self) {
        self.shared.faults.set(None);
    }

    /// Delivers all late requests to the node; returns their number.
    pub fn deliver(&self) -> usize {
        self.shared.faults.deliver(self.shared.server)
    }

    /// Number of requests that the last fault hit, and the statement of the last one.
    pub fn faults(&self) -> (u64, String) {
        self.shared.faults.made()
    }

    /// Counters.
    pub fn counts(&self) -> Counts {
        let [connections, cut, held, delayed] = {
            let ours = &self.shared.counters;
            [&ours.connections, &ours.cut, &ours.held, &ours.delayed].map(|count| count.load(Ordering::SeqCst))
        };
        Counts { connections, cut, held, delayed }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::SeqCst);
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
        self.cut();
    }
}

impl Connection {
    fn cut(&self, shared: &Shared) {
        if !self.is_cut.swap(true, Ordering::SeqCst) {
            shared.counters.cut.fetch_add(1, Ordering::SeqCst);
        }
        self.close();
    }

    /// Closes both sides, which ends the threads that read from them.
    fn close(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}

impl Shared {
    /// Waits while the link is held; false if the connection ended meanwhile.
    fn may_pass(&self, connection: &Connection) -> bool {
        let is_held = || *self.link.lock().unwrap() == Link::Held;
        if is_held() {
            self.counters.held.fetch_add(1, Ordering::SeqCst);
        }
        while is_held() && !self.has_ended(connection) {
            std::thread::sleep(POLL_EVERY);
        }
        !self.has_ended(connection)
    }

    fn has_ended(&self, connection: &Connection) -> bool {
        self.is_stopped.load(Ordering::SeqCst) || connection.is_cut.load(Ordering::SeqCst)
    }

    fn read(&self, from: &mut TcpStream) -> std::io::Result<Vec<u8>> {
        match self.unit {
            Unit::Frame => cql::read_frame(from),
            Unit::Bytes => {
                let mut bytes = vec![0; 65_536];
                let count = from.read(&mut bytes)?;
                bytes.truncate(count);
                if count == 0 { Err(std::io::ErrorKind::UnexpectedEof.into()) } else { Ok(bytes) }
            }
        }
    }
}

/// Accepts connections until the proxy is dropped; has no socket while the link is refused.
fn listen(shared: &Arc<Shared>, listener: TcpListener, address: SocketAddr) {
    let mut listener = Some(listener);
    while !shared.is_stopped.load(Ordering::SeqCst) {
        if *shared.link.lock().unwrap() == Link::Refused {
            listener = None;
        } else if listener.is_none() {
            // Something else may hold the port for a moment.
            listener = TcpListener::bind(address).ok();
        }
        shared.is_listening.store(listener.is_some(), Ordering::SeqCst);
        let Some(open) = &listener else {
            std::thread::sleep(POLL_EVERY);
            continue;
        };
        open.set_nonblocking(true).unwrap();
        match open.accept() {
            Ok((client, _)) => take(shared, client),
            Err(_) => std::thread::sleep(POLL_EVERY),
        }
    }
}

fn take(shared: &Arc<Shared>, client: TcpStream) {
    shared.counters.connections.fetch_add(1, Ordering::SeqCst);
    // If the server is down, the client's connection is dropped.
    let Ok(server) = TcpStream::connect(shared.server) else { return };
    for socket in [&client, &server] {
        socket.set_nonblocking(false).unwrap();
        socket.set_nodelay(true).unwrap();
    }
    let connection = Arc::new(Connection { client, server, is_cut: AtomicBool::new(false) });
    shared.connections.lock().unwrap().push(Arc::clone(&connection));
    let streams = Arc::new(Streams::default());
    let (to_client, responses) = channel();
    spawn(shared, &connection, {
        let (streams, to_client) = (Arc::clone(&streams), to_client.clone());
        move |shared, connection| pass_requests(shared, connection, &streams, &to_client)
    });
    spawn(shared, &connection, move |shared, connection| pass_responses(shared, connection, &streams, &to_client));
    spawn(shared, &connection, move |shared, connection| write_responses(shared, connection, &responses));
}

/// Runs one direction of a connection; when it ends, the whole connection ends.
fn spawn(
    shared: &Arc<Shared>,
    connection: &Arc<Connection>,
    run: impl FnOnce(&Shared, &Connection) -> std::io::Result<()> + Send + 'static,
) {
    let (shared, connection) = (Arc::clone(shared), Arc::clone(connection));
    std::thread::spawn(move || {
        // Errors only end the connection.
        let _ = run(&shared, &connection);
        connection.close();
        shared.connections.lock().unwrap().retain(|other| !Arc::ptr_eq(other, &connection));
    });
}

/// A response and when it is due.
type Due = (Instant, Vec<u8>);

fn pass_requests(
    shared: &Shared,
    connection: &Connection,
    streams: &Streams,
    to_client: &Sender<Due>,
) -> std::io::Result<()> {
    let (mut from, mut to) = (connection.client.try_clone()?, connection.server.try_clone()?);
    loop {
        let request = shared.read(&mut from)?;
        if !shared.may_pass(connection) {
            return Ok(());
        }
        if shared.unit == Unit::Bytes {
            to.write_all(&request)?;
            continue;
        }
        match shared.faults.request(streams, &request) {
            Verdict::Pass => to.write_all(&request)?,
            // The writing thread lives as long as the connection.
            Verdict::Answer(response) => drop(to_client.send((Instant::now(), response))),
            Verdict::Cut => connection.cut(shared),
            Verdict::Nothing => {}
        }
    }
}

fn pass_responses(
    shared: &Shared,
    connection: &Connection,
    streams: &Streams,
    to_client: &Sender<Due>,
) -> std::io::Result<()> {
    let mut from = connection.server.try_clone()?;
    loop {
        let mut response = shared.read(&mut from)?;
        if !shared.may_pass(connection) {
            return Ok(());
        }
        if shared.unit == Unit::Frame {
            match shared.faults.response(streams, &response) {
                Verdict::Pass => {}
                Verdict::Answer(other) => response = other,
                Verdict::Cut => connection.cut(shared),
                Verdict::Nothing => continue,
            }
        }
        let delay_ms = shared.delay_ms.load(Ordering::SeqCst);
        shared.counters.delayed.fetch_add(u64::from(delay_ms > 0), Ordering::SeqCst);
        let _ = to_client.send((Instant::now() + Duration::from_millis(delay_ms), response));
    }
}

fn write_responses(shared: &Shared, connection: &Connection, responses: &Receiver<Due>) -> std::io::Result<()> {
    let mut to = connection.client.try_clone()?;
    while !shared.has_ended(connection) {
        let Ok((due, response)) = responses.recv_timeout(Duration::from_millis(100)) else { continue };
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        to.write_all(&response)?;
    }
    Ok(())
}
