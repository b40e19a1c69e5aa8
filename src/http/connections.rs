//! The open connections of a server. Where they are too many, the longest idle one gives way to a new one.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use super::limits::Limits;
use super::open_files::room_for_connections;
use crate::metrics::catalog;
use crate::metrics::exposition::Exposition;

/// Why the server closed a connection, or did not accept it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It was idle, or its request did not come to an end in time.
    Idle,
    /// It was the longest idle one when there were too many.
    GaveWay,
    /// Its client did not read what it had asked for.
    Slow,
    /// There were too many connections, and none of them idle.
    Full,
    /// There were too many from its address, and none of them idle.
    AddressFull,
}

impl Closed {
    const ALL: [Self; 5] = [Self::Idle, Self::GaveWay, Self::Slow, Self::Full, Self::AddressFull];

    fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::GaveWay => "gave_way",
            Self::Slow => "slow",
            Self::Full => "full",
            Self::AddressFull => "address_full",
        }
    }
}

/// The open connections of one server.
#[derive(Debug)]
pub struct Connections {
    limits: Limits,
    open: Mutex<Open>,
    closed: [AtomicU64; Closed::ALL.len()],
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    entries: BTreeMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    address: IpAddr,
    /// Requests whose answer is not sent yet.
    requests: usize,
    idle_since: Instant,
    close: Arc<Notify>,
}

impl Connections {
    /// No connections yet. Their number is also bounded by the files that the process may have open.
    pub fn new(limits: Limits) -> Arc<Self> {
        let connections_max = limits.connections_max.min(room_for_connections());
        let limits = Limits { connections_max, ..limits };
        Arc::new(Self { limits, open: Mutex::default(), closed: Default::default() })
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Admits a connection; `None` if there are too many, and none of them idle.
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Slot> {
        let address = network(address);
        let mut open = self.locked();
        let from_it = open.entries.values().filter(|entry| entry.address == address).count();
        if from_it >= self.limits.per_address_max && !self.give_way(&mut open, Some(address)) {
            self.count(Closed::AddressFull);
            return None;
        }
        if open.entries.len() >= self.limits.connections_max && !self.give_way(&mut open, None) {
            self.count(Closed::Full);
            return None;
        }
        let (id, close) = (open.next, Arc::new(Notify::new()));
        open.next += 1;
        let entry = Entry { address, requests: 0, idle_since: Instant::now(), close: Arc::clone(&close) };
        open.entries.insert(id, entry);
        Some(Slot { connections: Arc::clone(self), id, close, has_asked: AtomicBool::new(false) })
    }

    /// Closes the longest idle connection; returns whether there was one.
    pub fn close_idle(&self) -> bool {
        self.give_way(&mut self.locked(), None)
    }

    fn give_way(&self, open: &mut Open, address: Option<IpAddr>) -> bool {
        let is_idle = |entry: &Entry| entry.requests == 0 && address.is_none_or(|address| entry.address == address);
        let idle = open.entries.iter().filter(|(_, entry)| is_idle(entry));
        let Some(id) = idle.min_by_key(|(_, entry)| entry.idle_since).map(|(id, _)| *id) else { return false };
        if let Some(entry) = open.entries.remove(&id) {
            entry.close.notify_one();
        }
        self.count(Closed::GaveWay);
        true
    }

    /// Counts a connection that the server has closed.
    pub fn count(&self, why: Closed) {
        self.closed[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many were closed for this reason.
    pub fn closed(&self, why: Closed) -> u64 {
        self.closed[why as usize].load(Ordering::Relaxed)
    }

    /// Adds the metrics.
    pub fn collect(&self, exposition: &mut Exposition) {
        exposition.put(&catalog::HTTP_CONNECTIONS, self.locked().entries.len() as u64);
        let closed = Closed::ALL.map(|why| (why.name().to_owned(), self.closed(why)));
        exposition.put_by(&catalog::HTTP_CLOSED, closed);
    }

    fn change(&self, id: u64, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.locked().entries.get_mut(&id) {
            change(entry);
        }
    }

    fn locked(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client's network: its address, and of IPv6, where one client has many, the first half of it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

/// An open connection; dropping it frees its place.
#[derive(Debug)]
pub struct Slot {
    connections: Arc<Connections>,
    id: u64,
    close: Arc<Notify>,
    has_asked: AtomicBool,
}

impl Slot {
    /// Is notified when the connection must be closed.
    pub fn close(&self) -> Arc<Notify> {
        Arc::clone(&self.close)
    }

    /// Whether a request has come over it.
    pub fn has_asked(&self) -> bool {
        self.has_asked.load(Ordering::Relaxed)
    }

    /// Marks the connection as in use until the returned guard is dropped.
    pub fn begin(self: &Arc<Self>) -> InUse {
        self.has_asked.store(true, Ordering::Relaxed);
        self.connections.change(self.id, |entry| entry.requests += 1);
        InUse(Arc::clone(self))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.connections.locked().entries.remove(&self.id);
    }
}

/// A request whose answer is not sent yet.
#[derive(Debug)]
pub struct InUse(Arc<Slot>);

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.connections.change(self.0.id, |entry| {
            entry.requests -= 1;
            entry.idle_since = Instant::now();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_idle_connection_gives_way() {
        let connections = Connections::new(Limits { connections_max: 3, per_address_max: 2, ..Limits::PAGE });
        let [a, b] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse::<IpAddr>().unwrap());
        let first = Arc::new(connections.admit(a).unwrap());
        let second = Arc::new(connections.admit(a).unwrap());
        let in_use = first.begin();
        let third = Arc::new(connections.admit(a).unwrap());
        assert_eq!(connections.closed(Closed::GaveWay), 1, "the second, since the first is in use");
        let also = third.begin();
        assert!(connections.admit(a).is_none());
        let other = Arc::new(connections.admit(b).unwrap());
        let in_use_too = other.begin();
        assert!(connections.admit(b).is_none());
        assert_eq!((connections.closed(Closed::AddressFull), connections.closed(Closed::Full)), (1, 1));
        drop(in_use);
        assert!(connections.admit(b).is_some(), "the first is idle now");
        drop((also, in_use_too, first, second, third, other));
        assert_eq!(connections.locked().entries.len(), 0);
    }

    #[test]
    fn clients_of_one_ipv6_network_are_one() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:0:1::2"), of("2001:db8:0:1:ffff::3"));
        assert_ne!(of("2001:db8:0:1::2"), of("2001:db8:0:2::2"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }
}
