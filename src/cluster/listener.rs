//! The listener of a process. A connection must send its join request within a few seconds, and delays no other
//! meanwhile. Connections that are not from a peer are dropped and counted.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::connection::Connection;
use super::handshake::{JoinRequest, NextStep, Rejection, Reply};
use super::tls::is_for;
use super::{ClusterConfig, ClusterError, wire};

/// Timeout for a join request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum size of a join request, in bytes.
const REQUEST_BYTES_MAX: usize = 16 << 10;
/// Maximum connections whose request is being read; more wait in the system's queue.
const READING_MAX: usize = 64;
/// Maximum candidates that wait for a reply.
const CANDIDATES_MAX: usize = 64;
/// Pause when no connection can be accepted.
const PAUSE: Duration = Duration::from_millis(20);

/// A process that has sent a join request.
#[derive(Debug)]
pub struct Candidate {
    /// Its join request.
    pub request: JoinRequest,
    /// The connection to it.
    pub connection: Connection,
    /// Its address.
    pub from: SocketAddr,
}

/// The listening socket. It stays open until the process ends.
#[derive(Debug)]
pub struct Listener {
    candidates: Receiver<Candidate>,
    rejected_connections: Arc<AtomicU64>,
}

impl Listener {
    /// Listens on this process's address in the hosts file.
    pub fn open(config: &ClusterConfig) -> Result<Self, ClusterError> {
        let address = config.hosts[config.index].clone();
        let listener = TcpListener::bind(&address).map_err(|error| ClusterError::Listen {
            index: config.index,
            address,
            source: error,
        })?;
        let (sender, candidates) = bounded(CANDIDATES_MAX);
        let rejected_connections = Arc::new(AtomicU64::new(0));
        let (counted, config) = (Arc::clone(&rejected_connections), config.clone());
        std::thread::spawn(move || listen(&listener, &config, &sender, &counted));
        Ok(Self { candidates, rejected_connections })
    }

    /// The candidates that wait for a reply.
    pub fn candidates(&self) -> &Receiver<Candidate> {
        &self.candidates
    }

    /// Counter of rejected connections.
    pub fn rejected_connections(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.rejected_connections)
    }

    /// Rejects all candidates from now on.
    pub fn reject_all(self, rejection: impl Fn(&JoinRequest) -> Rejection + Send + 'static) {
        std::thread::spawn(move || {
            for mut candidate in self.candidates {
                let rejection = rejection(&candidate.request);
                candidate.reject(rejection);
            }
        });
    }
}

impl Candidate {
    /// Sends a rejection.
    pub fn reject(&mut self, rejection: Rejection) {
        let Rejection { reason, next_step } = &rejection;
        tracing::warn!(from = %self.from, index = self.request.index, reason, ?next_step, "rejected a process");
        // It may have disconnected already.
        let _ = wire::write(&mut self.connection, &Reply::Rejected(rejection));
    }
}

fn listen(
    listener: &TcpListener,
    config: &ClusterConfig,
    candidates: &Sender<Candidate>,
    rejected_connections: &Arc<AtomicU64>,
) {
    let reading = Arc::new(AtomicUsize::new(0));
    loop {
        let accepted = if reading.load(Ordering::SeqCst) < READING_MAX { listener.accept().ok() } else { None };
        let Some((stream, from)) = accepted else {
            std::thread::sleep(PAUSE);
            continue;
        };
        reading.fetch_add(1, Ordering::SeqCst);
        let (candidates, rejected_connections, reading) =
            (candidates.clone(), Arc::clone(rejected_connections), Arc::clone(&reading));
        let config = config.clone();
        std::thread::spawn(move || {
            match read_request(&config, stream, from) {
                // If too many wait, it is dropped and connects again.
                Ok(candidate) => drop(candidates.try_send(candidate)),
                Err(why) => {
                    let rejected_connections = rejected_connections.fetch_add(1, Ordering::SeqCst) + 1;
                    // A port scanner must not fill the disk with log lines.
                    if rejected_connections < 100 || rejected_connections.is_power_of_two() {
                        tracing::warn!(
                            %from,
                            rejected_connections,
                            why,
                            "rejected a connection that is not from a peer"
                        );
                    }
                }
            }
            reading.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

fn read_request(config: &ClusterConfig, stream: TcpStream, from: SocketAddr) -> Result<Candidate, String> {
    let deadline = Instant::now() + REQUEST_TIMEOUT;
    let text = |error: std::io::Error| error.to_string();
    stream.set_nodelay(true).map_err(text)?;
    let (mut connection, shown) = match &config.tls {
        None => (Connection::Plain(stream), None),
        Some(tls) => {
            tls.accept(stream, REQUEST_TIMEOUT).map(|(connection, shown)| (connection, Some(shown))).map_err(text)?
        }
    };
    connection.set_write_timeout(Some(REQUEST_TIMEOUT)).map_err(text)?;
    let request: JoinRequest =
        wire::read(&mut connection, deadline, REQUEST_BYTES_MAX).map_err(|error| error.to_string())?;
    let mut candidate = Candidate { request, connection, from };
    let host = config.hosts.get(candidate.request.index);
    if let (Some(shown), Some(host)) = (shown, host)
        && !is_for(&shown, host)
    {
        let why = format!("its certificate is not for process {}, which is {host}", candidate.request.index);
        candidate.reject(Rejection::new(NextStep::Exit, why.clone()));
        return Err(why);
    }
    Ok(candidate)
}
