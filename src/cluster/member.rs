//! The other processes until the cluster runs: they dial process 0, wait for the plan, then dial those with a lower
//! index and are dialled by those with a higher one.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use super::connection::Connection;
use super::coordinator::say;
use super::handshake::{Answer, Hello, Plan, Refusal, Sign, Then};
use super::listener::Listener;
use super::peer::Mesh;
use super::wire::{self, FrameError};
use super::{ClusterConfig, ClusterError};

/// Within this a connection is there, or not.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// Within this a peer answers. It may be waiting for the sign of life of another one under our index.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// Process 0 says something every second, unless it is opening the epoch.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(100);
/// Between two signs of life.
const BEAT: Duration = Duration::from_secs(1);

/// A process that has been told the plan.
#[derive(Debug)]
pub struct Joined {
    /// What process 0 has told.
    pub plan: Plan,
    config: ClusterConfig,
    ours: Hello,
    listener: Listener,
    star: Connection,
    beats: Beats,
}

/// Why there is no connection yet.
enum Miss {
    /// Try again.
    Again(String),
    /// Start over.
    Over(String),
    /// End.
    Fatal(ClusterError),
}

/// Dials process 0 and waits for the plan, however long that takes.
pub fn join(config: &ClusterConfig, mut ours: Hello) -> Result<Joined, ClusterError> {
    let listener = Listener::open(config)?;
    let mut said = Instant::now();
    loop {
        match dial(config, &ours, 0).and_then(|connection| wait_for_plan(connection, &mut said)) {
            Ok((plan, star, beats)) => {
                ours.epoch = Some(plan.epoch);
                return Ok(Joined { plan, config: config.clone(), ours, listener, star, beats });
            }
            Err(Miss::Fatal(error)) => return Err(error),
            Err(Miss::Again(why) | Miss::Over(why)) => {
                say(&mut said, || tracing::warn!(address = config.hosts[0], why, "waiting for process 0"));
                std::thread::sleep(PAUSE);
            }
        }
    }
}

/// Connects to a process and says who we are; it must welcome us.
fn dial(config: &ClusterConfig, ours: &Hello, to: usize) -> Result<Connection, Miss> {
    let address = &config.hosts[to];
    let again = |why: std::io::Error| Miss::Again(why.to_string());
    let mut error = std::io::Error::other("the name has no address");
    let mut connected = None;
    for address in address.to_socket_addrs().map_err(again)? {
        match TcpStream::connect_timeout(&address, CONNECT_MAX) {
            Ok(stream) => connected = Some(stream),
            Err(why) => error = why,
        }
        if connected.is_some() {
            break;
        }
    }
    let stream = connected.ok_or(error).map_err(again)?;
    stream.set_nodelay(true).map_err(again)?;
    let mut connection = match &config.tls {
        None => Connection::Plain(stream),
        Some(tls) => tls.connect(stream, address, CONNECT_MAX).map_err(again)?,
    };
    connection.set_write_timeout(Some(CONNECT_MAX)).map_err(again)?;
    wire::write(&mut connection, ours).map_err(again)?;
    let refused =
        |why: String| Miss::Fatal(ClusterError::Refused { index: ours.index, by: to, address: address.clone(), why });
    match wire::read(&mut connection, Instant::now() + ANSWER_MAX, wire::BYTES_MAX) {
        Ok(Answer::Welcome { index }) if index == to => Ok(connection),
        Ok(Answer::Welcome { index }) => {
            Err(refused(format!("process {index} answers there: all processes need the same hosts, in the same order")))
        }
        Ok(Answer::Refused(Refusal { why, then })) => Err(match then {
            Then::Retry => Miss::Again(why),
            Then::StartOver => Miss::Over(why),
            Then::End => refused(why),
        }),
        Ok(Answer::Waiting { .. } | Answer::Plan(_)) => Err(Miss::Again("it does not answer in order".to_owned())),
        Err(FrameError::Foreign) => Err(refused("another program answers there: check the hosts".to_owned())),
        Err(why) => Err(Miss::Again(why.to_string())),
    }
}

fn wait_for_plan(mut connection: Connection, said: &mut Instant) -> Result<(Plan, Connection, Beats), Miss> {
    let again = |why: String| Miss::Again(why);
    let beats = connection.try_clone().map(Beats::start).map_err(|error| again(error.to_string()))?;
    loop {
        match wire::read(&mut connection, Instant::now() + PATIENCE, wire::BYTES_MAX) {
            Ok(Answer::Plan(plan)) => return Ok((plan, connection, beats)),
            Ok(Answer::Waiting { missing }) => {
                say(said, || tracing::warn!(?missing, "connected to process 0, which waits for these"));
            }
            Ok(_) => return Err(again("it does not answer in order".to_owned())),
            Err(why) => return Err(again(why.to_string())),
        }
    }
}

impl Joined {
    /// Connects to all others, tells process 0 that this one is ready and how many shards it has read.
    pub fn ready(mut self, shards: u32) -> Result<Mesh, ClusterError> {
        let mut links: Vec<Option<Connection>> = self.config.hosts.iter().map(|_| None).collect();
        let own = self.config.index;
        for (to, place) in links.iter_mut().enumerate().take(own).skip(1) {
            *place = Some(self.dial_until_there(to)?);
        }
        self.be_dialled(&mut links)?;
        let (lost, mut star) = (self.lost(0), self.star);
        self.beats.stop();
        wire::write(&mut star, &Sign::Ready { shards }).map_err(|error| lost(error.to_string()))?;
        links[0] = Some(star);
        let (strangers, ours) = (self.listener.strangers(), self.ours);
        let running = format!("the cluster is running, under epoch {}", self.plan.epoch);
        let refusal = Refusal::new(Then::Retry, running);
        self.listener.close(move |hello| ours.check(hello).err().unwrap_or_else(|| refusal.clone()));
        Ok(Mesh::new(links, &self.config.hosts, strangers))
    }

    fn lost(&self, index: usize) -> impl Fn(String) -> ClusterError + use<> {
        let address = self.config.hosts[index].clone();
        move |why| ClusterError::PeerLost { index, address: address.clone(), why }
    }

    fn dial_until_there(&mut self, to: usize) -> Result<Connection, ClusterError> {
        loop {
            self.check_star()?;
            match dial(&self.config, &self.ours, to) {
                Ok(connection) => return Ok(connection),
                Err(Miss::Fatal(error)) => return Err(error),
                Err(Miss::Over(why)) => return Err(self.lost(to)(why)),
                Err(Miss::Again(_)) => std::thread::sleep(PAUSE),
            }
        }
    }

    fn be_dialled(&mut self, links: &mut [Option<Connection>]) -> Result<(), ClusterError> {
        while links.iter().skip(self.config.index + 1).any(Option::is_none) {
            self.check_star()?;
            let Ok(mut caller) = self.listener.callers().recv_timeout(PAUSE) else { continue };
            let index = caller.hello.index;
            let refusal = match self.ours.check(&caller.hello) {
                Err(refusal) => Some(refusal),
                Ok(()) if caller.hello.epoch.is_none() => {
                    Some(Refusal::new(Then::Retry, "only process 0 gathers the others"))
                }
                Ok(()) if links[index].is_some() => Some(Refusal::new(Then::Retry, "it is connected already")),
                Ok(()) => None,
            };
            match refusal {
                Some(refusal) => caller.refuse(refusal),
                None => {
                    let welcomed = wire::write(&mut caller.connection, &Answer::Welcome { index: self.config.index });
                    links[index] = welcomed.ok().map(|()| caller.connection);
                }
            }
        }
        Ok(())
    }

    /// Process 0 says nothing before this one is ready; it closes the connection when any process is lost.
    fn check_star(&mut self) -> Result<(), ClusterError> {
        use std::io::{ErrorKind, Read as _};
        let lost = self.lost(0);
        let ended = |error: std::io::Error| lost(format!("the connection ended before all were there: {error}"));
        self.star.set_read_timeout(Some(Duration::from_millis(1))).map_err(ended)?;
        match self.star.read(&mut [0]) {
            Ok(0) => Err(ended(ErrorKind::UnexpectedEof.into())),
            Ok(_) => Err(lost("it does not wait until all are ready".to_owned())),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(ended(error)),
        }
    }
}

/// Tells process 0 every second that this one lives, whatever it is doing.
#[derive(Debug)]
struct Beats {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Beats {
    fn start(mut connection: Connection) -> Self {
        let (stop, stopped) = bounded::<()>(0);
        let thread = std::thread::spawn(move || {
            while stopped.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                if wire::write(&mut connection, &Sign::Beat).is_err() {
                    return;
                }
            }
        });
        Self { stop, thread }
    }

    /// Returns when no more beats will come.
    fn stop(self) {
        drop(self.stop);
        // It does not panic; and it had nothing else to tell.
        let _ = self.thread.join();
    }
}
