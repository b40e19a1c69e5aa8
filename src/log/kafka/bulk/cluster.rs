//! Where the partitions of a topic are: its brokers, and the leader of each partition, shared by all its readers.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;

use super::protocol::{METADATA, Metadata, Place};
use super::settings::Settings;
use super::wire::{Link, LinkError};

/// The leader of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leader {
    /// Where it is.
    pub place: Place,
    /// Its epoch.
    pub epoch: i32,
}

/// A topic's cluster.
pub(in crate::log::kafka) struct Cluster {
    /// How to connect.
    pub(super) settings: Settings,
    /// The topic, by id.
    pub(super) topic_id: [u8; 16],
    bootstrap: Vec<Place>,
    known: Mutex<Known>,
}

/// What the cluster has said last.
#[derive(Default)]
struct Known {
    /// How many times it was asked.
    version: u64,
    /// A code that stands for the whole topic, or 0.
    error: i16,
    leaders: BTreeMap<u32, Leader>,
    brokers: Vec<Place>,
    link: Option<Link>,
}

/// Who leads a partition.
pub(super) struct Located {
    /// The leader, or the error code if the partition has no leader at the moment.
    pub leader: Result<Leader, i16>,
    /// Which answer of the cluster says so.
    pub version: u64,
}

/// Error code: the partition has no leader at the moment.
const LEADER_NOT_AVAILABLE: i16 = 5;

impl Cluster {
    /// The cluster of these brokers: `host:port`, separated by commas. `None` if the topic has no id.
    pub(super) fn new(brokers: &str, topic_id: &str, settings: Settings) -> Option<Self> {
        let standard = topic_id.replace('-', "+").replace('_', "/");
        let topic_id: [u8; 16] = BASE64.decode(standard).ok()?.try_into().ok()?;
        let bootstrap: Option<Vec<Place>> = brokers.split(',').map(place).collect();
        let has_id = topic_id != [0; 16];
        Some(Self { settings, topic_id, bootstrap: bootstrap.filter(|_| has_id)?, known: Mutex::default() })
    }

    /// The leader of a partition, as of a later answer than the one with the number `after`: the cluster is asked,
    /// unless another reader has done so.
    pub(super) fn leader(&self, partition: u32, after: u64) -> Result<Located, LinkError> {
        let mut known = self.locked();
        if known.version <= after {
            self.ask(&mut known)?;
        }
        let none = if known.error == 0 { LEADER_NOT_AVAILABLE } else { known.error };
        let leader = known.leaders.get(&partition).cloned().ok_or(none);
        Ok(Located { leader, version: known.version })
    }

    /// Asks the broker that was asked last, or the first that answers.
    fn ask(&self, known: &mut Known) -> Result<(), LinkError> {
        if let Some(mut link) = known.link.take()
            && !link.is_expired()
            && self.ask_one(known, &mut link).is_ok()
        {
            known.link = Some(link);
            return Ok(());
        }
        let places: Vec<Place> = known.brokers.iter().chain(&self.bootstrap).cloned().collect();
        let mut last = LinkError::from(std::io::Error::other("no broker is known"));
        for place in places {
            let asked = Link::connect(&self.settings, &place, |_| {})
                .and_then(|mut link| self.ask_one(known, &mut link).map(|()| link));
            match asked {
                Ok(link) => {
                    known.link = Some(link);
                    return Ok(());
                }
                // That the credentials are wrong says more than that a broker is away.
                Err(_) if matches!(last, LinkError::Denied(_)) => {}
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn ask_one(&self, known: &mut Known, link: &mut Link) -> Result<(), LinkError> {
        let mut answer = Vec::new();
        let body = link.call(METADATA, |request| Metadata::ask(request, &self.topic_id), &mut answer)?;
        let metadata = Metadata::parse(&answer[..body.end], body.start)?;
        let brokers: BTreeMap<i32, Place> = metadata.brokers.into_iter().collect();
        let leader = |(number, leader, epoch): (i32, i32, i32)| {
            Some((u32::try_from(number).ok()?, Leader { place: brokers.get(&leader)?.clone(), epoch }))
        };
        known.leaders = metadata.leaders.into_iter().filter_map(leader).collect();
        known.error = metadata.error;
        known.brokers = brokers.into_values().collect();
        known.version += 1;
        Ok(())
    }

    fn locked(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(broker: &str) -> Option<Place> {
    let (host, port) = broker.rsplit_once(':')?;
    Some((host.to_owned(), port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use rdkafka::ClientConfig;

    use super::*;

    #[test]
    fn a_topic_without_an_id_is_left_to_librdkafka() {
        let new = |brokers, id| Cluster::new(brokers, id, Settings::of(&ClientConfig::new()).unwrap());
        let cluster = new("h:1,[::1]:2", "UtAbs3msTKugciSkjfeJ2A").unwrap();
        assert_eq!(cluster.bootstrap, [("h".to_owned(), 1), ("[::1]".to_owned(), 2)]);
        assert!(new("h:1", "f1b0iP1GTsCR3y4hQxUO_-").is_some() == new("h:1", "f1b0iP1GTsCR3y4hQxUO/+").is_some());
        assert!(new("h:1", "AAAAAAAAAAAAAAAAAAAAAA").is_none() && new("h:1", "").is_none() && new("h", "x").is_none());
    }
}
