//! The coordinator: process 0 until the cluster runs. It gathers all others, sends them the plan, waits until they are
//! ready, and starts them. While it is busy with the store itself, a thread sends them heartbeats.
//!
//! An index belongs to its peer while that peer is alive, as shown by one heartbeat per second. A second process with
//! the same index is rejected at the next heartbeat; if none arrives in time, it replaces the peer.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, select, unbounded};

use super::connection::Connection;
use super::handshake::{JoinRequest, MemberMessage, NextStep, Plan, Rejection, Reply};
use super::heartbeats::Heartbeats;
use super::listener::{Candidate, Listener};
use super::peer::Mesh;
use super::wire::{self, FrameError};
use super::{ClusterConfig, ClusterError};

/// Peer heartbeat timeout.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(10);
/// Interval between messages to waiting peers.
const WAITING_INTERVAL: Duration = Duration::from_secs(1);
/// Minimum interval between repeated log lines.
const LOG_INTERVAL: Duration = Duration::from_secs(10);
/// Maximum size of a member's message, in bytes.
const MESSAGE_BYTES_MAX: usize = 1 << 10;

/// Process 0 and the peers that have joined.
#[derive(Debug)]
pub struct Coordinator {
    ours: JoinRequest,
    hosts: Vec<String>,
    listener: Listener,
    /// The peers by index; that of process 0 stays empty.
    peers: Vec<Option<Peer>>,
    /// Candidates for the index of a connected peer, with the time of their request.
    contenders: Vec<(Candidate, Instant)>,
    events: (Sender<PeerEvent>, Receiver<PeerEvent>),
    /// Distinguishes successive peers with the same index.
    serial: u64,
    /// Runs once all processes have joined.
    heartbeats: Option<Heartbeats<Reply>>,
}

#[derive(Debug)]
struct Peer {
    connection: Connection,
    from: SocketAddr,
    serial: u64,
    is_ready: bool,
    has_started: bool,
}

/// A message from a peer, or the end of its connection.
struct PeerEvent {
    index: usize,
    serial: u64,
    at: Instant,
    message: Result<MemberMessage, FrameError>,
}

impl Coordinator {
    /// Waits without a timeout until all processes have joined.
    pub fn gather(config: &ClusterConfig, ours: JoinRequest) -> Result<Self, ClusterError> {
        let listener = Listener::open(config)?;
        let peers = config.hosts.iter().map(|_| None).collect();
        let hosts = config.hosts.clone();
        let mut coordinator = Self {
            ours,
            hosts,
            listener,
            peers,
            contenders: Vec::new(),
            events: unbounded(),
            serial: 0,
            heartbeats: None,
        };
        let (mut logged, mut notified) = (Instant::now(), Instant::now());
        loop {
            let missing = coordinator.missing();
            if missing.is_empty() {
                coordinator.heartbeats = Some(heartbeats(&coordinator.peers));
                return Ok(coordinator);
            }
            at_intervals(&mut logged, || tracing::warn!(?missing, "waiting for missing processes"));
            if notified.elapsed() >= WAITING_INTERVAL {
                notified = Instant::now();
                coordinator.broadcast(&Reply::Waiting { missing });
            }
            select! {
                recv(coordinator.listener.candidates()) -> candidate => {
                    if let Ok(candidate) = candidate {
                        coordinator.consider(candidate);
                    }
                },
                recv(coordinator.events.1) -> event => event.into_iter().for_each(|event| coordinator.handle(&event)),
                default(WAITING_INTERVAL) => {}
            }
        }
    }

    fn missing(&self) -> Vec<usize> {
        (1..self.peers.len()).filter(|&index| self.peers[index].is_none()).collect()
    }

    fn consider(&mut self, mut candidate: Candidate) {
        if let Err(rejection) = self.ours.check(&candidate.request) {
            return candidate.reject(rejection);
        }
        if self.peers[candidate.request.index].is_some() {
            return self.contenders.push((candidate, Instant::now()));
        }
        self.accept(candidate);
    }

    fn accept(&mut self, mut candidate: Candidate) {
        let index = candidate.request.index;
        let accepted = wire::write(&mut candidate.connection, &Reply::Accepted { index: self.ours.index });
        let Ok(mut connection) = accepted.and_then(|()| candidate.connection.try_clone()) else { return };
        self.serial += 1;
        let (serial, events) = (self.serial, self.events.0.clone());
        std::thread::spawn(move || {
            loop {
                let message = wire::read(&mut connection, Instant::now() + HEARTBEAT_TIMEOUT, MESSAGE_BYTES_MAX);
                let is_last = matches!(message, Ok(MemberMessage::Started) | Err(_));
                // The coordinator is gone once the cluster runs.
                if events.send(PeerEvent { index, serial, at: Instant::now(), message }).is_err() || is_last {
                    return;
                }
            }
        });
        tracing::info!(index, from = %candidate.from, "peer connected");
        let Candidate { connection, from, .. } = candidate;
        self.peers[index] = Some(Peer { connection, from, serial, is_ready: false, has_started: false });
    }

    fn handle(&mut self, event: &PeerEvent) {
        let index = event.index;
        let Some(peer) = self.peers[index].as_mut().filter(|peer| peer.serial == event.serial) else { return };
        let rivals = self.contenders.extract_if(.., |(rival, _)| rival.request.index == index);
        match &event.message {
            Ok(_) => {
                let (rejected, waiting): (Vec<_>, Vec<_>) = rivals.partition(|(_, since)| *since < event.at);
                let reason = format!("index {index} is in use by a live peer at {}", peer.from);
                rejected
                    .into_iter()
                    .for_each(|(mut rival, _)| rival.reject(Rejection::new(NextStep::Exit, reason.clone())));
                self.contenders.extend(waiting);
            }
            Err(why) => {
                tracing::warn!(index, from = %peer.from, %why, "peer disconnected");
                let next = rivals.map(|(rival, _)| rival).collect::<Vec<_>>();
                self.peers[index] = None;
                next.into_iter().for_each(|candidate| self.consider(candidate));
            }
        }
    }

    fn broadcast(&mut self, reply: &Reply) {
        for peer in self.peers.iter_mut().flatten() {
            // The peer's reader thread reports a closed connection.
            let _ = wire::write(&mut peer.connection, reply);
        }
    }

    /// Sends the plan to all. No more processes are accepted.
    pub fn send_plan(mut self, plan: &Plan) -> Planned {
        self.heartbeats.take().into_iter().for_each(Heartbeats::stop);
        self.broadcast(&Reply::Plan(plan.clone()));
        let heartbeats = heartbeats(&self.peers);
        let running = Rejection::new(NextStep::Retry, format!("the cluster is running, under epoch {}", plan.epoch));
        self.contenders.drain(..).for_each(|(mut candidate, _)| candidate.reject(running.clone()));
        let ours = JoinRequest { epoch: Some(plan.epoch), ..self.ours };
        let rejected_connections = self.listener.rejected_connections();
        self.listener.reject_all(move |request| ours.check(request).err().unwrap_or_else(|| running.clone()));
        Planned { events: self.events.1, hosts: self.hosts, peers: self.peers, rejected_connections, heartbeats }
    }
}

/// Process 0 while the others prepare.
#[derive(Debug)]
pub struct Planned {
    events: Receiver<PeerEvent>,
    hosts: Vec<String>,
    peers: Vec<Option<Peer>>,
    rejected_connections: std::sync::Arc<std::sync::atomic::AtomicU64>,
    heartbeats: Heartbeats<Reply>,
}

impl Planned {
    /// Waits until all are ready, and starts them. How long they take depends on the store; one that is gone or silent
    /// is lost.
    pub fn ready(mut self) -> Result<Mesh, ClusterError> {
        let what = "waiting for processes that read their part of the checkpoint";
        wait_until(&self.events, &mut self.peers, &self.hosts, what, |peer| peer.is_ready)?;
        self.heartbeats.stop();
        for peer in self.peers.iter_mut().flatten() {
            // The peer's reader thread reports a closed connection.
            let _ = wire::write(&mut peer.connection, &Reply::Start);
        }
        let what = "waiting for processes to start";
        wait_until(&self.events, &mut self.peers, &self.hosts, what, |peer| peer.has_started)?;
        let connections = self.peers.into_iter().map(|peer| peer.map(|peer| peer.connection));
        Ok(Mesh::new(connections.collect(), &self.hosts, self.rejected_connections))
    }
}

/// Waits until something holds for all peers. Fails when one is lost.
fn wait_until(
    events: &Receiver<PeerEvent>,
    peers: &mut [Option<Peer>],
    hosts: &[String],
    what: &str,
    holds: impl Fn(&Peer) -> bool,
) -> Result<(), ClusterError> {
    let mut logged = Instant::now();
    loop {
        let open = |(index, peer): (usize, &Option<Peer>)| peer.as_ref().filter(|peer| !holds(peer)).map(|_| index);
        let processes: Vec<usize> = peers.iter().enumerate().filter_map(open).collect();
        if processes.is_empty() {
            return Ok(());
        }
        at_intervals(&mut logged, || tracing::warn!(?processes, "{what}"));
        let Ok(PeerEvent { index, serial, message, .. }) = events.recv_timeout(WAITING_INTERVAL) else { continue };
        let Some(peer) = peers[index].as_mut().filter(|peer| peer.serial == serial) else { continue };
        match message {
            Ok(MemberMessage::Heartbeat) => {}
            Ok(MemberMessage::Ready) => peer.is_ready = true,
            Ok(MemberMessage::Started) => peer.has_started = true,
            Err(why) => {
                return Err(ClusterError::PeerLost { index, address: hosts[index].clone(), why: why.to_string() });
            }
        }
    }
}

/// Starts the heartbeats of this process to all peers.
fn heartbeats(peers: &[Option<Peer>]) -> Heartbeats<Reply> {
    // A connection that cannot be cloned gets none, and its peer reports this process as lost.
    let connections = peers.iter().flatten().filter_map(|peer| peer.connection.try_clone().ok());
    Heartbeats::start(connections.collect(), Reply::Waiting { missing: Vec::new() })
}

/// Runs `log` unless it ran within the log interval.
pub(super) fn at_intervals(logged: &mut Instant, log: impl FnOnce()) {
    if logged.elapsed() >= LOG_INTERVAL {
        *logged = Instant::now();
        log();
    }
}

impl std::fmt::Debug for PeerEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PeerEvent({}, {:?})", self.index, self.message)
    }
}
