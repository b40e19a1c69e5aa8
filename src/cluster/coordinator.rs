//! Process 0 until the cluster runs: it gathers all others, tells them the plan, and waits until they are ready.
//!
//! An index belongs to the peer that has it as long as that one lives, which it shows by a beat a second. A newcomer
//! under the same index waits for the next beat: then it is refused. Without one it takes the place.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, select, unbounded};

use super::connection::Connection;
use super::handshake::{Answer, Hello, Plan, Refusal, Sign, Then};
use super::listener::{Caller, Listener};
use super::peer::Mesh;
use super::wire::{self, FrameError};
use super::{ClusterConfig, ClusterError};

/// A peer that was not heard for so long is gone.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// Between two signs of life to those who wait.
const TICK: Duration = Duration::from_secs(1);
/// Between two lines that say who is missing.
const SAY_EVERY: Duration = Duration::from_secs(10);
/// Within this all must have connected to each other and read their shards.
const READY_MAX: Duration = Duration::from_secs(300);
/// Longest sign, in bytes.
const SIGN_BYTES_MAX: usize = 1 << 10;

/// Process 0 and those who have come.
#[derive(Debug)]
pub struct Coordinator {
    ours: Hello,
    hosts: Vec<String>,
    listener: Listener,
    /// By index; that of process 0 stays empty.
    peers: Vec<Option<Peer>>,
    contenders: Vec<(Caller, Instant)>,
    signs: (Sender<Heard>, Receiver<Heard>),
    /// Tells one holder of an index from the next.
    serial: u64,
}

#[derive(Debug)]
struct Peer {
    connection: Connection,
    from: SocketAddr,
    serial: u64,
    shards: Option<u32>,
}

/// What the thread that listens to one peer tells.
struct Heard {
    index: usize,
    serial: u64,
    at: Instant,
    sign: Result<Sign, FrameError>,
}

impl Coordinator {
    /// Waits until all are there, however long that takes.
    pub fn gather(config: &ClusterConfig, ours: Hello) -> Result<Self, ClusterError> {
        let listener = Listener::open(config)?;
        let peers = config.hosts.iter().map(|_| None).collect();
        let hosts = config.hosts.clone();
        let mut star = Self { ours, hosts, listener, peers, contenders: Vec::new(), signs: unbounded(), serial: 0 };
        let (mut said, mut ticked) = (Instant::now(), Instant::now());
        loop {
            let missing = star.missing();
            if missing.is_empty() {
                return Ok(star);
            }
            say(&mut said, || tracing::warn!(?missing, "waiting for processes that are not there"));
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
                star.tell_all(&Answer::Waiting { missing });
            }
            select! {
                recv(star.listener.callers()) -> caller => caller.into_iter().for_each(|caller| star.answer(caller)),
                recv(star.signs.1) -> heard => heard.into_iter().for_each(|heard| star.hear(&heard)),
                default(TICK) => {}
            }
        }
    }

    fn missing(&self) -> Vec<usize> {
        (1..self.peers.len()).filter(|&index| self.peers[index].is_none()).collect()
    }

    fn answer(&mut self, mut caller: Caller) {
        if let Err(refusal) = self.ours.check(&caller.hello) {
            return caller.refuse(refusal);
        }
        if self.peers[caller.hello.index].is_some() {
            return self.contenders.push((caller, Instant::now()));
        }
        self.take(caller);
    }

    fn take(&mut self, mut caller: Caller) {
        let index = caller.hello.index;
        let welcomed = wire::write(&mut caller.connection, &Answer::Welcome { index: self.ours.index });
        let Ok(mut connection) = welcomed.and_then(|()| caller.connection.try_clone()) else { return };
        self.serial += 1;
        let (serial, signs) = (self.serial, self.signs.0.clone());
        std::thread::spawn(move || {
            loop {
                let sign = wire::read(&mut connection, Instant::now() + SILENCE_MAX, SIGN_BYTES_MAX);
                let is_last = !matches!(sign, Ok(Sign::Beat));
                // The star is gone when the cluster runs.
                if signs.send(Heard { index, serial, at: Instant::now(), sign }).is_err() || is_last {
                    return;
                }
            }
        });
        tracing::info!(index, from = %caller.from, "a peer is there");
        self.peers[index] = Some(Peer { connection: caller.connection, from: caller.from, serial, shards: None });
    }

    fn hear(&mut self, heard: &Heard) {
        let index = heard.index;
        let Some(peer) = self.peers[index].as_mut().filter(|peer| peer.serial == heard.serial) else { return };
        let rivals = self.contenders.extract_if(.., |(rival, _)| rival.hello.index == index);
        match &heard.sign {
            Ok(sign) => {
                if let Sign::Ready { shards } = sign {
                    peer.shards = Some(*shards);
                }
                let (beaten, waiting): (Vec<_>, Vec<_>) = rivals.partition(|(_, since)| *since < heard.at);
                let why = format!("index {index} is in use by a live peer at {}", peer.from);
                beaten.into_iter().for_each(|(mut rival, _)| rival.refuse(Refusal::new(Then::End, why.clone())));
                self.contenders.extend(waiting);
            }
            Err(why) => {
                tracing::warn!(index, from = %peer.from, %why, "a peer is gone");
                let next = rivals.map(|(rival, _)| rival).collect::<Vec<_>>();
                self.peers[index] = None;
                next.into_iter().for_each(|caller| self.answer(caller));
            }
        }
    }

    fn tell_all(&mut self, answer: &Answer) {
        for peer in self.peers.iter_mut().flatten() {
            // Whether it is gone is told by the thread that listens to it.
            let _ = wire::write(&mut peer.connection, answer);
        }
    }

    /// Tells all what process 0 has found. Nobody is let in any more.
    pub fn tell(self, plan: &Plan) -> Result<Told, ClusterError> {
        let mut star = self;
        star.tell_all(&Answer::Plan(plan.clone()));
        let running = Refusal::new(Then::Retry, format!("the cluster is running, under epoch {}", plan.epoch));
        star.contenders.drain(..).for_each(|(mut caller, _)| caller.refuse(running.clone()));
        let ours = Hello { epoch: Some(plan.epoch), ..star.ours };
        let strangers = star.listener.strangers();
        star.listener.close(move |hello| ours.check(hello).err().unwrap_or_else(|| running.clone()));
        let (signs, hosts, peers) = (star.signs.1, star.hosts, star.peers);
        Ok(Told { signs, hosts, peers, strangers })
    }
}

/// Process 0 while the others get ready.
#[derive(Debug)]
pub struct Told {
    signs: Receiver<Heard>,
    hosts: Vec<String>,
    peers: Vec<Option<Peer>>,
    strangers: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl Told {
    /// Waits until all are ready. Returns the mesh, and how many shards they have read together.
    pub fn ready(mut self) -> Result<(Mesh, u32), ClusterError> {
        let deadline = Instant::now() + READY_MAX;
        while let Some(index) = (1..self.peers.len()).find(|&i| self.peers[i].as_ref().is_some_and(is_unready)) {
            let lost = |index: usize, why: String| {
                Err(ClusterError::PeerLost { index, address: self.hosts[index].clone(), why })
            };
            let Ok(heard) = self.signs.recv_deadline(deadline) else {
                return lost(index, format!("it was not ready within {} s", READY_MAX.as_secs()));
            };
            let peer = self.peers[heard.index].as_mut().filter(|peer| peer.serial == heard.serial);
            match (peer, heard.sign) {
                (Some(peer), Ok(Sign::Ready { shards })) => peer.shards = Some(shards),
                (Some(_), Err(why)) => return lost(heard.index, why.to_string()),
                _ => {}
            }
        }
        let shards = self.peers.iter().flatten().filter_map(|peer| peer.shards).sum();
        let links = self.peers.into_iter().map(|peer| peer.map(|peer| peer.connection));
        Ok((Mesh::new(links.collect(), &self.hosts, self.strangers), shards))
    }
}

/// Says it when it was not said for a while.
pub(super) fn say(said: &mut Instant, what: impl FnOnce()) {
    if said.elapsed() >= SAY_EVERY {
        *said = Instant::now();
        what();
    }
}

fn is_unready(peer: &Peer) -> bool {
    peer.shards.is_none()
}

impl std::fmt::Debug for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Heard({}, {:?})", self.index, self.sign)
    }
}
