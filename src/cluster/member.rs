//! The other processes until the cluster runs: they connect to process 0, wait for the plan, then connect to those with
//! a lower index and accept connections from those with a higher one.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use super::connection::Connection;
use super::coordinator::at_intervals;
use super::handshake::{JoinRequest, MemberMessage, NextStep, Plan, Rejection, Reply};
use super::listener::Listener;
use super::peer::Mesh;
use super::wire::{self, FrameError};
use super::{ClusterConfig, ClusterError};

/// Connect timeout.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Reply timeout. The coordinator may be waiting for the heartbeat of another process with our index.
const REPLY_TIMEOUT: Duration = Duration::from_secs(15);
/// Timeout for the next message of process 0, which sends one per second except while it opens the epoch.
const PLAN_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause between attempts.
const PAUSE: Duration = Duration::from_millis(100);
/// Heartbeat interval.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A process that has received the plan.
#[derive(Debug)]
pub struct Joined {
    /// The plan from process 0.
    pub plan: Plan,
    config: ClusterConfig,
    ours: JoinRequest,
    listener: Listener,
    coordinator: Connection,
    heartbeats: Heartbeats,
}

/// Failure of a connection attempt.
enum DialError {
    /// The attempt can be repeated.
    Retry(String),
    /// The process must start over.
    StartOver(String),
    /// The process must exit.
    Fatal(ClusterError),
}

/// Connects to process 0 and waits for the plan, without a timeout.
pub fn join(config: &ClusterConfig, mut ours: JoinRequest) -> Result<Joined, ClusterError> {
    let listener = Listener::open(config)?;
    let mut logged = Instant::now();
    loop {
        match dial(config, &ours, 0).and_then(|connection| wait_for_plan(connection, &mut logged)) {
            Ok((plan, coordinator, heartbeats)) => {
                ours.epoch = Some(plan.epoch);
                return Ok(Joined { plan, config: config.clone(), ours, listener, coordinator, heartbeats });
            }
            Err(DialError::Fatal(error)) => return Err(error),
            Err(DialError::Retry(why) | DialError::StartOver(why)) => {
                at_intervals(&mut logged, || tracing::warn!(address = config.hosts[0], why, "waiting for process 0"));
                std::thread::sleep(PAUSE);
            }
        }
    }
}

/// Connects to a process and sends the join request, which it must accept.
fn dial(config: &ClusterConfig, ours: &JoinRequest, to: usize) -> Result<Connection, DialError> {
    let address = &config.hosts[to];
    let retry = |why: std::io::Error| DialError::Retry(why.to_string());
    let mut error = std::io::Error::other("the host name has no address");
    let mut connected = None;
    for address in address.to_socket_addrs().map_err(retry)? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => connected = Some(stream),
            Err(why) => error = why,
        }
        if connected.is_some() {
            break;
        }
    }
    let stream = connected.ok_or(error).map_err(retry)?;
    stream.set_nodelay(true).map_err(retry)?;
    let mut connection = match &config.tls {
        None => Connection::Plain(stream),
        Some(tls) => tls.connect(stream, address, CONNECT_TIMEOUT).map_err(retry)?,
    };
    connection.set_write_timeout(Some(CONNECT_TIMEOUT)).map_err(retry)?;
    wire::write(&mut connection, ours).map_err(retry)?;
    let rejected = |why: String| {
        DialError::Fatal(ClusterError::Rejected { index: ours.index, by: to, address: address.clone(), why })
    };
    match wire::read(&mut connection, Instant::now() + REPLY_TIMEOUT, wire::BYTES_MAX) {
        Ok(Reply::Accepted { index }) if index == to => Ok(connection),
        Ok(Reply::Accepted { index }) => Err(rejected(format!(
            "process {index} replied instead: all processes need the same hosts, in the same order"
        ))),
        Ok(Reply::Rejected(Rejection { reason, next_step })) => Err(match next_step {
            NextStep::Retry => DialError::Retry(reason),
            NextStep::StartOver => DialError::StartOver(reason),
            NextStep::Exit => rejected(reason),
        }),
        Ok(Reply::Waiting { .. } | Reply::Plan(_)) => {
            Err(DialError::Retry("unexpected reply during the handshake".to_owned()))
        }
        Err(FrameError::Foreign) => {
            Err(rejected("another program is listening there: check the hosts file".to_owned()))
        }
        Err(why) => Err(DialError::Retry(why.to_string())),
    }
}

fn wait_for_plan(
    mut connection: Connection,
    logged: &mut Instant,
) -> Result<(Plan, Connection, Heartbeats), DialError> {
    let retry = DialError::Retry;
    let heartbeats = connection.try_clone().map(Heartbeats::start).map_err(|error| retry(error.to_string()))?;
    loop {
        match wire::read(&mut connection, Instant::now() + PLAN_TIMEOUT, wire::BYTES_MAX) {
            Ok(Reply::Plan(plan)) => return Ok((plan, connection, heartbeats)),
            Ok(Reply::Waiting { missing }) => {
                at_intervals(logged, || {
                    tracing::warn!(?missing, "connected to process 0, which is waiting for missing processes")
                });
            }
            Ok(_) => return Err(retry("unexpected reply during the handshake".to_owned())),
            Err(why) => return Err(retry(why.to_string())),
        }
    }
}

impl Joined {
    /// Connects to all others, then reports to process 0 that this process is ready, with the number of shards read.
    pub fn ready(mut self, shards: u32) -> Result<Mesh, ClusterError> {
        let mut connections: Vec<Option<Connection>> = self.config.hosts.iter().map(|_| None).collect();
        let own = self.config.index;
        for (to, slot) in connections.iter_mut().enumerate().take(own).skip(1) {
            *slot = Some(self.dial_until_accepted(to)?);
        }
        self.accept_others(&mut connections)?;
        let (lost, mut coordinator) = (self.lost(0), self.coordinator);
        self.heartbeats.stop();
        wire::write(&mut coordinator, &MemberMessage::Ready { shards }).map_err(|error| lost(error.to_string()))?;
        connections[0] = Some(coordinator);
        let (rejected_connections, ours) = (self.listener.rejected_connections(), self.ours);
        let running = format!("the cluster is running, under epoch {}", self.plan.epoch);
        let rejection = Rejection::new(NextStep::Retry, running);
        self.listener.reject_all(move |request| ours.check(request).err().unwrap_or_else(|| rejection.clone()));
        Ok(Mesh::new(connections, &self.config.hosts, rejected_connections))
    }

    fn lost(&self, index: usize) -> impl Fn(String) -> ClusterError + use<> {
        let address = self.config.hosts[index].clone();
        move |why| ClusterError::PeerLost { index, address: address.clone(), why }
    }

    fn dial_until_accepted(&mut self, to: usize) -> Result<Connection, ClusterError> {
        loop {
            self.check_coordinator()?;
            match dial(&self.config, &self.ours, to) {
                Ok(connection) => return Ok(connection),
                Err(DialError::Fatal(error)) => return Err(error),
                Err(DialError::StartOver(why)) => return Err(self.lost(to)(why)),
                Err(DialError::Retry(_)) => std::thread::sleep(PAUSE),
            }
        }
    }

    fn accept_others(&mut self, connections: &mut [Option<Connection>]) -> Result<(), ClusterError> {
        while connections.iter().skip(self.config.index + 1).any(Option::is_none) {
            self.check_coordinator()?;
            let Ok(mut candidate) = self.listener.candidates().recv_timeout(PAUSE) else { continue };
            let index = candidate.request.index;
            let rejection = match self.ours.check(&candidate.request) {
                Err(rejection) => Some(rejection),
                Ok(()) if candidate.request.epoch.is_none() => {
                    Some(Rejection::new(NextStep::Retry, "only process 0 accepts processes without an epoch"))
                }
                Ok(()) if connections[index].is_some() => {
                    Some(Rejection::new(NextStep::Retry, "this index is connected already"))
                }
                Ok(()) => None,
            };
            match rejection {
                Some(rejection) => candidate.reject(rejection),
                None => {
                    let accepted =
                        wire::write(&mut candidate.connection, &Reply::Accepted { index: self.config.index });
                    connections[index] = accepted.ok().map(|()| candidate.connection);
                }
            }
        }
        Ok(())
    }

    /// Checks the connection to process 0, which sends nothing before this process is ready and closes the connection
    /// when any process is lost.
    fn check_coordinator(&mut self) -> Result<(), ClusterError> {
        use std::io::{ErrorKind, Read as _};
        let lost = self.lost(0);
        let ended =
            |error: std::io::Error| lost(format!("the connection ended before all processes were connected: {error}"));
        self.coordinator.set_read_timeout(Some(Duration::from_millis(1))).map_err(ended)?;
        match self.coordinator.read(&mut [0]) {
            Ok(0) => Err(ended(ErrorKind::UnexpectedEof.into())),
            Ok(_) => Err(lost("unexpected message before all processes were ready".to_owned())),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(ended(error)),
        }
    }
}

/// The thread that sends heartbeats to process 0.
#[derive(Debug)]
struct Heartbeats {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Heartbeats {
    fn start(mut connection: Connection) -> Self {
        let (stop, stopped) = bounded::<()>(0);
        let thread = std::thread::spawn(move || {
            while stopped.recv_timeout(HEARTBEAT) == Err(RecvTimeoutError::Timeout) {
                if wire::write(&mut connection, &MemberMessage::Heartbeat).is_err() {
                    return;
                }
            }
        });
        Self { stop, thread }
    }

    /// Stops the heartbeats; none follows when this returns.
    fn stop(self) {
        drop(self.stop);
        // It does not panic, and has no result.
        let _ = self.thread.join();
    }
}
