//! Signs of life of one connection: up to which time everything that the feed sent has been read.
//!
//! - **The pong to our own ping**, as of the time the ping was sent: the feed answers a ping after it has written
//!   everything before, and a connection keeps that order. Each ping has a number of its own, so a pong that nobody
//!   asked for, or that comes twice, is not a sign.
//! - **Trades**, as of their arrival, and only on a connection that has left our first pings unanswered for half the
//!   liveness timeout. They are the weaker sign: trades that were held up on the way arrive in one burst, and the first
//!   of them says nothing about the rest.
//!
//! Nothing else counts. The feed's own pings, as texts or as WebSocket pings, say that a process runs somewhere, not
//! that trades come through it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::message::has_trades;

/// Maximum pings that wait for a pong; an older one is forgotten.
const PINGS_MAX: usize = 64;
/// Maximum interval of pings. Progress follows the answered pings, so it is the interval of progress records.
const PING_EVERY_MAX: Duration = Duration::from_secs(1);
/// Pings within the liveness timeout, at least: the loss of a few packets must not end a connection.
const PINGS_MIN: u32 = 4;

/// Signs of life of one connection.
#[derive(Debug)]
pub struct Life {
    timeout: Duration,
    opened: Instant,
    /// When the last sign came; later by the time in which this process did not run.
    last: Instant,
    looked: Instant,
    /// Pings without a pong, each with the time just before it was sent; ascending.
    pings: VecDeque<(u64, Instant)>,
    sent: u64,
    ping_due: Instant,
    /// Whether any ping was answered.
    answers: bool,
}

/// Interval of pings for a liveness timeout.
pub fn ping_every(timeout: Duration) -> Duration {
    (timeout / PINGS_MIN).min(PING_EVERY_MAX).max(Duration::from_millis(1))
}

impl Life {
    /// A connection that was just opened. It is dead after `timeout` without a sign of life.
    pub fn new(timeout: Duration, now: Instant) -> Self {
        Self {
            timeout,
            opened: now,
            last: now,
            looked: now,
            pings: VecDeque::new(),
            sent: 0,
            ping_due: now,
            answers: false,
        }
    }

    /// When the next ping is due.
    pub fn ping_due(&self) -> Instant {
        self.ping_due
    }

    /// When the connection is dead unless a sign of life comes first.
    pub fn dead_at(&self) -> Instant {
        self.last + self.timeout
    }

    /// To be called at each step. A process that did not run (stopped, starved) has not listened, which must not count
    /// against the feed: pings wake it, so a longer time between two steps is its own doing.
    pub fn look(&mut self, now: Instant) {
        let between = now.saturating_duration_since(self.looked);
        if between > 2 * ping_every(self.timeout) {
            self.last += between;
        }
        self.looked = now;
    }

    /// The payload of a ping that is sent now.
    pub fn ping(&mut self, now: Instant) -> [u8; 8] {
        self.sent += 1;
        self.pings.push_back((self.sent, now));
        if self.pings.len() > PINGS_MAX {
            self.pings.pop_front();
        }
        self.ping_due = now + ping_every(self.timeout);
        self.sent.to_be_bytes()
    }

    /// A pong came: the time as of which it proves life, if it answers a ping that waits for it. A pong may answer
    /// earlier pings too (RFC 6455, 5.5.3).
    pub fn pong(&mut self, payload: &[u8], now: Instant) -> Option<Instant> {
        let number = u64::from_be_bytes(payload.try_into().ok()?);
        let at = self.pings.iter().position(|(sent, _)| *sent == number)?;
        let (_, as_of) = self.pings.drain(..=at).next_back()?;
        self.last = now;
        self.answers = true;
        Some(as_of)
    }

    /// A text came: the time as of which it proves life, if it does. At most one text per ping interval is parsed.
    pub fn text(&mut self, text: &str, now: Instant) -> Option<Instant> {
        let waited = now.saturating_duration_since(self.opened) >= self.timeout / 2;
        let is_due = now.saturating_duration_since(self.last) >= ping_every(self.timeout);
        if self.answers || !waited || !is_due || !has_trades(text) {
            return None;
        }
        self.last = now;
        Some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRADE: &str = r#"{"data":[{"s":"A"}],"type":"trade"}"#;
    const PING: &str = r#"{"type":"ping"}"#;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_pong_proves_life_as_of_its_ping() {
        let start = Instant::now();
        let mut life = Life::new(s(10), start);
        assert_eq!((life.ping_due(), life.dead_at()), (start, start + s(10)));
        let pings: Vec<[u8; 8]> = (0..4).map(|n| life.ping(start + s(n))).collect();
        assert_eq!(life.ping_due(), start + s(4));
        for foreign in [&b""[..], b"x", &[0; 8], &99_u64.to_be_bytes(), &[0; 9]] {
            assert_eq!(life.pong(foreign, start + s(4)), None, "{foreign:?}");
        }
        assert_eq!(life.dead_at(), start + s(10));
        assert_eq!(life.pong(&pings[2], start + s(5)), Some(start + s(2)));
        assert_eq!(life.dead_at(), start + s(15));
        // An older pong, and the same one again.
        assert_eq!(life.pong(&pings[0], start + s(6)), None);
        assert_eq!(life.pong(&pings[2], start + s(6)), None);
        assert_eq!(life.pong(&pings[3], start + s(6)), Some(start + s(3)));
    }

    #[test]
    fn trades_count_only_where_pings_are_not_answered() {
        let start = Instant::now();
        let mut silent = Life::new(s(10), start);
        let _ = silent.ping(start);
        assert_eq!(silent.text(TRADE, start + s(4)), None);
        assert_eq!(silent.text(PING, start + s(6)), None);
        assert_eq!(silent.text(r#"{"data":[],"type":"trade"}"#, start + s(6)), None);
        assert_eq!(silent.dead_at(), start + s(10));
        assert_eq!(silent.text(TRADE, start + s(6)), Some(start + s(6)));
        assert_eq!(silent.text(TRADE, start + s(6) + Duration::from_millis(999)), None, "one per ping interval");
        assert_eq!(silent.text(TRADE, start + s(7)), Some(start + s(7)));
        assert_eq!(silent.dead_at(), start + s(17));
        let mut answering = Life::new(s(10), start);
        let ping = answering.ping(start);
        assert_eq!(answering.pong(&ping, start + s(1)), Some(start));
        assert_eq!(answering.text(TRADE, start + s(9)), None);
        assert_eq!(answering.dead_at(), start + s(11));
    }

    #[test]
    fn time_in_which_the_process_did_not_run_does_not_count() {
        let start = Instant::now();
        let mut life = Life::new(s(10), start);
        (1..=3).for_each(|n| life.look(start + s(n)));
        assert_eq!(life.dead_at(), start + s(10));
        life.look(start + s(33));
        assert_eq!(life.dead_at(), start + s(40));
    }

    #[test]
    fn pings_are_bounded() {
        let start = Instant::now();
        let mut life = Life::new(s(10), start);
        let pings: Vec<[u8; 8]> = (0..100).map(|n| life.ping(start + s(n))).collect();
        assert_eq!(life.pong(&pings[35], start + s(100)), None);
        assert_eq!(life.pong(&pings[36], start + s(100)), Some(start + s(36)));
        assert_eq!(ping_every(s(10)), s(1));
        assert_eq!(ping_every(s(2)), Duration::from_millis(500));
    }
}
