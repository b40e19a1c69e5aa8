//! The thread that fetches one partition: which broker it asks, for what, and what each of its answers means.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;
use tracing::warn;

use super::cluster::{Cluster, Leader};
use super::fetching::{Fetched, Shared, asked_bytes};
use super::protocol::{Ask, FETCH, Records};
use super::walk::{self, Damage, Header};
use super::wire::{Link, LinkError};
use crate::log::LogError;
use crate::log::kafka::context::DENIED_AFTER;
use crate::log::kafka::ended::Ended;
use crate::log::kafka::topic::Topic;
use crate::retry::Backoff;
use crate::secret::registry::masked;

/// How long a broker may wait for records, in milliseconds.
const WAIT_MS: i32 = 500;
/// Pauses while a broker is away.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// Longest wait that a broker may ask for.
const THROTTLE_MAX: Duration = Duration::from_secs(30);
/// How many times in a row an offset may be out of range for one broker, while the cluster says that it is not.
const OUT_OF_RANGE_MAX: u32 = 20;

/// Codes of errors that mean more than to ask again.
mod code {
    pub(super) const OFFSET_OUT_OF_RANGE: i16 = 1;
    pub(super) const CORRUPT_MESSAGE: i16 = 2;
    pub(super) const TOPIC_AUTHORIZATION_FAILED: i16 = 29;
    pub(super) const UNSUPPORTED_VERSION: i16 = 35;
    pub(super) const UNSUPPORTED_COMPRESSION_TYPE: i16 = 76;
    pub(super) const UNKNOWN_TOPIC_ID: i16 = 100;
    pub(super) const INCONSISTENT_TOPIC_ID: i16 = 103;
}

/// Why there is no answer with records.
enum Trouble {
    /// It may be another one soon.
    Again(String),
    /// Nothing more will come.
    Ended(Ended),
}

/// The state of the thread.
pub(super) struct Fetcher {
    shared: Arc<Shared>,
    topic: Arc<Topic>,
    cluster: Arc<Cluster>,
    partition: u32,
    /// The next offset to ask for.
    position: u64,
    /// Epoch of the record before it, or -1.
    last_epoch: i32,
    /// The leader, and the connection to it.
    link: Option<(Link, Leader)>,
    /// The cluster's last answer that was used.
    version: u64,
    /// Set while answers are awaited in vain.
    failing: Option<Backoff>,
    denied_since: Option<Instant>,
    out_of_range: u32,
}

impl Fetcher {
    pub(super) fn new(
        shared: Arc<Shared>,
        topic: Arc<Topic>,
        cluster: Arc<Cluster>,
        partition: u32,
        position: u64,
    ) -> Self {
        let (last_epoch, link, version, failing) = (-1, None, 0, None);
        let (denied_since, out_of_range) = (None, 0);
        Self {
            shared,
            topic,
            cluster,
            partition,
            position,
            last_epoch,
            link,
            version,
            failing,
            denied_since,
            out_of_range,
        }
    }

    /// Fetches until there is no reader, or an error that stays.
    pub(super) fn run(mut self) {
        while self.shared.wait_for_room() {
            match self.fetch() {
                Ok(()) if self.failing.take().is_some() => {
                    self.denied_since = None;
                    self.topic.client.context().succeeded();
                }
                Ok(()) => {}
                Err(Trouble::Ended(ended)) => return self.shared.end_with(ended),
                // The end of the reader ends its connection.
                Err(Trouble::Again(_)) if self.shared.is_stopped() => return,
                Err(Trouble::Again(why)) => {
                    self.link = None;
                    if self.topic.client.context().is_new(&why) {
                        warn!(partition = self.partition, error = %masked(&why), "fetch failed; retrying");
                    }
                    let backoff = self.failing.get_or_insert_with(|| Backoff::new(PAUSE_MIN, PAUSE_MAX));
                    self.shared.pause(backoff.next_pause());
                }
            }
        }
    }

    /// Asks once, and hands over what comes.
    fn fetch(&mut self) -> Result<(), Trouble> {
        let mut bytes = self.shared.buffer();
        let asked = self.ask(&mut bytes);
        let records = match asked {
            Ok(records) if !records.range.is_empty() => records,
            other => {
                self.shared.give_back(bytes);
                return other.map(drop);
            }
        };
        let batches = scan(&bytes[records.range.clone()], self.position);
        self.position = batches.position;
        self.last_epoch = batches.leader_epoch.unwrap_or(self.last_epoch);
        let range = records.range.start..records.range.start + batches.len;
        self.shared.add(Fetched { bytes, range, aborted: records.aborted });
        match batches.damage {
            Some(damage) => Err(Trouble::Ended(damaged(&damage))),
            None => Ok(()),
        }
    }

    /// Asks the partition's leader.
    fn ask(&mut self, bytes: &mut Vec<u8>) -> Result<Records, Trouble> {
        let (cluster, offset) = (Arc::clone(&self.cluster), self.position as i64);
        let (partition, last_epoch) = (self.partition as i32, self.last_epoch);
        let (link, leader) = self.leader()?;
        let ask = Ask {
            topic_id: cluster.topic_id,
            partition,
            leader_epoch: leader.epoch,
            offset,
            last_epoch,
            wait_ms: WAIT_MS,
            bytes_max: asked_bytes(),
        };
        let answer = link.call(FETCH, |request| ask.write(request), bytes);
        let place = leader.place.clone();
        let answer = answer.map_err(|error| self.not_linked(&place, &error))?;
        let records = Records::parse(&bytes[..answer.end], answer.start);
        let records = records.map_err(|error| self.not_linked(&place, &error.into()))?;
        if records.throttled_ms > 0 {
            self.shared.pause(Duration::from_millis(records.throttled_ms.unsigned_abs().into()).min(THROTTLE_MAX));
        }
        if records.error != 0 {
            return Err(self.refused(records.error));
        }
        self.out_of_range = 0;
        if let Some((epoch, end)) = records.diverged {
            let why = format!("the topic was cut: the records of leader epoch {epoch} end at offset {end}");
            return Err(Trouble::Ended(Ended::Lost(why)));
        }
        self.shared.ends_at(u64::try_from(records.end).unwrap_or(0));
        Ok(records)
    }

    /// The connection to the partition's leader.
    fn leader(&mut self) -> Result<&mut (Link, Leader), Trouble> {
        if self.link.as_ref().is_some_and(|(link, _)| link.is_expired()) {
            self.link = None;
        }
        if self.link.is_none() {
            // After a failure, what the cluster said before counts no more.
            let after = if self.failing.is_some() { self.version } else { 0 };
            let located = self.cluster.leader(self.partition, after);
            let located = located.map_err(|error| self.not_answered("no broker answers", &error))?;
            self.version = located.version;
            let leader = located.leader.map_err(|code| self.refused(code))?;
            let shared = Arc::clone(&self.shared);
            let link = Link::connect(&self.cluster.settings, &leader.place, |socket| shared.opened(socket));
            let link = link.map_err(|error| self.not_linked(&leader.place, &error))?;
            self.link = Some((link, leader));
        }
        self.link.as_mut().ok_or_else(|| Trouble::Again("not connected".to_owned()))
    }

    fn not_linked(&mut self, (host, port): &(String, u16), error: &LinkError) -> Trouble {
        self.not_answered(&format!("{host}:{port}"), error)
    }

    fn not_answered(&mut self, who: &str, error: &LinkError) -> Trouble {
        let why = format!("{who}: {error}");
        match error {
            LinkError::TooOld => Trouble::Ended(Ended::Failed(why)),
            // A starting broker may not know its users yet.
            LinkError::Denied(_) => {
                let since = *self.denied_since.get_or_insert_with(Instant::now);
                match since.elapsed() >= DENIED_AFTER {
                    true => Trouble::Ended(Ended::Denied(masked(&why).into_owned())),
                    false => Trouble::Again(why),
                }
            }
            _ => Trouble::Again(why),
        }
    }

    /// What an error code means.
    fn refused(&mut self, number: i16) -> Trouble {
        let named = RDKafkaRespErr::try_from(i32::from(number)).ok().map(RDKafkaErrorCode::from);
        let why = named.map_or_else(|| format!("error {number}"), |code| code.to_string());
        let offset = self.position;
        match number {
            code::OFFSET_OUT_OF_RANGE => self.is_out_of_range(why),
            code::UNKNOWN_TOPIC_ID | code::INCONSISTENT_TOPIC_ID => match self.topic.changed() {
                Ok(Some(LogError::Replaced { is, .. })) => Trouble::Ended(Ended::Replaced(is)),
                // A broker that has just started learns late of its topics. Added partitions are the watch's affair.
                Ok(_) => Trouble::Again(why),
                Err(error) => Trouble::Again(format!("{why}: {error}")),
            },
            code::CORRUPT_MESSAGE => Trouble::Ended(Ended::Damaged(format!("offset {offset}: {why}"))),
            code::TOPIC_AUTHORIZATION_FAILED => Trouble::Ended(Ended::Denied(why)),
            code::UNSUPPORTED_VERSION | code::UNSUPPORTED_COMPRESSION_TYPE => Trouble::Ended(Ended::Failed(why)),
            _ => Trouble::Again(why),
        }
    }

    /// A broker that has just become the leader may not know the end yet.
    fn is_out_of_range(&mut self, why: String) -> Trouble {
        let range = self.topic.offsets(self.partition);
        let is_there = range.is_ok_and(|(first, end)| (first..=end).contains(&self.position));
        self.out_of_range += 1;
        if is_there && self.out_of_range < OUT_OF_RANGE_MAX {
            return Trouble::Again(format!("{why}, although the log holds it"));
        }
        Trouble::Ended(Ended::Lost(why))
    }
}

/// The error of a batch that cannot be what was written.
pub(super) fn damaged(damage: &Damage) -> Ended {
    let Damage { base_offset, what } = damage;
    let text = format!("offset {base_offset}: the batch from there on is not what was written: {what}");
    if let walk::Wrong::Codec(_) = what { Ended::Failed(text) } else { Ended::Damaged(text) }
}

/// The whole batches at the start of an answer.
struct Batches {
    /// Their length.
    len: usize,
    /// One past their last offset.
    position: u64,
    /// The last one's leader epoch, if known.
    leader_epoch: Option<i32>,
    /// What is wrong with the batch after them.
    damage: Option<Damage>,
}

/// Finds the whole batches by their headers.
fn scan(bytes: &[u8], position: u64) -> Batches {
    let mut batches = Batches { len: 0, position, leader_epoch: None, damage: None };
    loop {
        let rest = &bytes[batches.len..];
        let next = Header::parse(rest).and_then(|header| match header {
            Some(header) => header.end_from(batches.position).map(|end| Some((header, end))),
            None if batches.len == 0 => Err(walk::cut(rest)),
            None => Ok(None),
        });
        match next {
            Ok(Some((header, end))) => {
                batches.len += header.len;
                batches.position = end;
                batches.leader_epoch = Some(header.leader_epoch).filter(|epoch| *epoch >= 0);
            }
            Ok(None) => return batches,
            Err(damage) => return Batches { damage: Some(damage), ..batches },
        }
    }
}
