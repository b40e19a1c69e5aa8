//! The other processes until the cluster runs: they connect to process 0, wait for the plan, then connect to those with
//! a lower index and accept connections from those with a higher one. They do that while they read their shards, which
//! may take longer in one than in another.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};

use super::connection::Connection;
use super::coordinator::at_intervals;
use super::handshake::{JoinRequest, MemberMessage, NextStep, Plan, Rejection, Reply};
use super::heartbeats::Heartbeats;
use super::listener::Listener;
use super::peer::Mesh;
use super::wire::{self, FrameError};
use super::{ClusterConfig, ClusterError};

/// Connect timeout.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Reply timeout. The coordinator may be waiting for the heartbeat of another process with our index.
const REPLY_TIMEOUT: Duration = Duration::from_secs(15);
/// Timeout for the next message of process 0 before the plan: it sends one per second.
const PLAN_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause between attempts.
const PAUSE: Duration = Duration::from_millis(100);
/// Timeout for a message of process 0 after the plan: it sends one per second.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(10);

/// A process that has received the plan.
#[derive(Debug)]
pub struct Joined {
    /// The plan from process 0.
    pub plan: Plan,
    hosts: Vec<String>,
    coordinator: Connection,
    heartbeats: Heartbeats<MemberMessage>,
    /// Connects to the others meanwhile.
    forming: JoinHandle<Result<Formed, ClusterError>>,
}

/// A process that connects to the others, while it reads its shards.
struct Forming {
    config: ClusterConfig,
    ours: JoinRequest,
    listener: Listener,
    /// What process 0 says; nothing more after its last message.
    replies: Receiver<Result<Reply, FrameError>>,
}

/// The connections to the others, without that to process 0.
struct Formed {
    connections: Vec<Option<Connection>>,
    rejected_connections: Arc<AtomicU64>,
    replies: Receiver<Result<Reply, FrameError>>,
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
                let replies = replies(&coordinator).map_err(|error| lost(config, 0)(error.to_string()))?;
                let forming = Forming { config: config.clone(), ours, listener, replies };
                let forming = std::thread::spawn(move || forming.run());
                return Ok(Joined { plan, hosts: config.hosts.clone(), coordinator, heartbeats, forming });
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
        Ok(Reply::Waiting { .. } | Reply::Plan(_) | Reply::Start) => {
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
) -> Result<(Plan, Connection, Heartbeats<MemberMessage>), DialError> {
    let retry = DialError::Retry;
    let writing = connection.try_clone().map_err(|error| retry(error.to_string()))?;
    let heartbeats = Heartbeats::start(vec![writing], MemberMessage::Heartbeat);
    loop {
        match wire::read(&mut connection, Instant::now() + PLAN_TIMEOUT, wire::BYTES_MAX) {
            Ok(Reply::Plan(plan)) => return Ok((plan, connection, heartbeats)),
            Ok(Reply::Waiting { missing }) if missing.is_empty() => {
                at_intervals(logged, || tracing::warn!("connected to process 0, which is waiting for the store"));
            }
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

/// Reads what process 0 says, up to its last message. A thread does, since it has to be known when there is nothing.
fn replies(coordinator: &Connection) -> std::io::Result<Receiver<Result<Reply, FrameError>>> {
    let (sender, replies) = unbounded();
    let mut connection = coordinator.try_clone()?;
    std::thread::spawn(move || {
        loop {
            let reply = wire::read(&mut connection, Instant::now() + HEARTBEAT_TIMEOUT, wire::BYTES_MAX);
            let is_last = matches!(reply, Ok(Reply::Start) | Err(_));
            if sender.send(reply).is_err() || is_last {
                return;
            }
        }
    });
    Ok(replies)
}

fn lost(config: &ClusterConfig, index: usize) -> impl Fn(String) -> ClusterError + use<> {
    let address = config.hosts[index].clone();
    move |why| ClusterError::PeerLost { index, address: address.clone(), why }
}

impl Joined {
    /// Reports to process 0 that this process is ready, once it is connected to all others. Then waits until process 0
    /// starts all.
    pub fn ready(self) -> Result<Mesh, ClusterError> {
        let lost = |why: String| Err(ClusterError::PeerLost { index: 0, address: self.hosts[0].clone(), why });
        let Ok(formed) = self.forming.join() else { return lost("the connecting thread has panicked".to_owned()) };
        let Formed { mut connections, rejected_connections, replies } = formed?;
        self.heartbeats.send(MemberMessage::Ready);
        let mut logged = Instant::now();
        loop {
            match replies.recv() {
                Ok(Ok(Reply::Start)) => break,
                Ok(Ok(Reply::Waiting { .. })) => at_intervals(&mut logged, || {
                    tracing::warn!("ready, and waiting for processes that read their part of the checkpoint");
                }),
                Ok(Ok(_)) => return lost("unexpected message before all processes were ready".to_owned()),
                Ok(Err(why)) => return lost(why.to_string()),
                Err(_) => return lost("the connection has ended".to_owned()),
            }
        }
        self.heartbeats.send(MemberMessage::Started);
        self.heartbeats.stop();
        connections[0] = Some(self.coordinator);
        Ok(Mesh::new(connections, &self.hosts, rejected_connections))
    }
}

impl Forming {
    fn run(self) -> Result<Formed, ClusterError> {
        let mut connections: Vec<Option<Connection>> = self.config.hosts.iter().map(|_| None).collect();
        let own = self.config.index;
        for (to, slot) in connections.iter_mut().enumerate().take(own).skip(1) {
            *slot = Some(self.dial_until_accepted(to)?);
        }
        self.accept_others(&mut connections)?;
        let Self { ours, listener, replies, .. } = self;
        let rejected_connections = listener.rejected_connections();
        let running = format!("the cluster is running, under epoch {}", ours.epoch.unwrap_or(0));
        let rejection = Rejection::new(NextStep::Retry, running);
        listener.reject_all(move |request| ours.check(request).err().unwrap_or_else(|| rejection.clone()));
        Ok(Formed { connections, rejected_connections, replies })
    }

    fn dial_until_accepted(&self, to: usize) -> Result<Connection, ClusterError> {
        loop {
            self.check_coordinator()?;
            match dial(&self.config, &self.ours, to) {
                Ok(connection) => return Ok(connection),
                Err(DialError::Fatal(error)) => return Err(error),
                Err(DialError::StartOver(why)) => return Err(lost(&self.config, to)(why)),
                Err(DialError::Retry(_)) => std::thread::sleep(PAUSE),
            }
        }
    }

    fn accept_others(&self, connections: &mut [Option<Connection>]) -> Result<(), ClusterError> {
        while connections.iter().skip(self.config.index + 1).any(Option::is_none) {
            self.check_coordinator()?;
            let Ok(mut candidate) = self.listener.candidates().recv_timeout(PAUSE) else { continue };
            let index = candidate.request.index;
            let rejection = match self.ours.check(&candidate.request) {
                Err(rejection) => Some(rejection),
                Ok(()) if candidate.request.epoch.is_none() => {
                    Some(Rejection::new(NextStep::Retry, "only process 0 accepts processes without an epoch"))
                }
                // One that dials again has given up the connection before.
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

    /// Checks that process 0 is there: it closes the connection when any process is lost.
    fn check_coordinator(&self) -> Result<(), ClusterError> {
        let lost = lost(&self.config, 0);
        while let Ok(reply) = self.replies.try_recv() {
            match reply {
                Ok(Reply::Waiting { .. }) => {}
                Ok(_) => return Err(lost("unexpected message before all processes were ready".to_owned())),
                Err(why) => return Err(lost(format!("before all processes were connected: {why}"))),
            }
        }
        Ok(())
    }
}
