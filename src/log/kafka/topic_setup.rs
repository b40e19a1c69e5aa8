//! Topics with the settings that Tickline needs: creates missing topics, verifies existing ones, never changes one.
//!
//! `kafka-setup-k8s.sh` creates the same topics with Kafka's own tools, and explains each setting; a test compares
//! them.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::RDKafkaErrorCode as Code;

use super::address::KafkaAddress;
use super::config::{RECORD_BYTES_MAX, client_config, explain};
use super::context::Events;
use super::topic::Topic;
use crate::log::{Cleanup, LogError};

/// Default number of partitions of the log of trades.
pub const PARTITIONS: u32 = 12;
/// Default replication factor.
pub const REPLICATION: u32 = 3;
/// Retention of trades: the reach of a replay.
const RETENTION_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// Segment length of a compacted topic: only closed segments are compacted.
const COMPACTED_SEGMENT_MS: u64 = 24 * 60 * 60 * 1000;
/// The operation that failed when a topic's settings cannot be read.
const SETTINGS_UNREAD: &str = "cannot read the topic's settings";
/// Request timeout.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Required settings of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Number of partitions.
    pub partitions: u32,
    /// Replication factor; if `None`, the cluster's default is used and not verified.
    pub replication: Option<u32>,
    /// The topic's own settings.
    pub configs: Vec<(&'static str, String)>,
}

impl TopicSpec {
    /// The log of trades.
    pub fn trades(partitions: u32, replication: Option<u32>) -> Self {
        Self::new(partitions, replication, by_age())
    }

    /// The symbol table: the newest entry of each symbol.
    pub fn symbols(replication: Option<u32>) -> Self {
        let kept = vec![("cleanup.policy", "compact".to_owned()), ("segment.ms", COMPACTED_SEGMENT_MS.to_string())];
        Self::new(1, replication, kept)
    }

    /// The mirror of rejected records.
    pub fn rejected(replication: Option<u32>) -> Self {
        Self::new(1, replication, by_age())
    }

    fn new(partitions: u32, replication: Option<u32>, kept: Vec<(&'static str, String)>) -> Self {
        let mut configs = kept;
        configs.push(("compression.type", "producer".to_owned()));
        configs.push(("max.message.bytes", RECORD_BYTES_MAX.to_string()));
        configs.push(("message.timestamp.type", "LogAppendTime".to_owned()));
        configs.push(("unclean.leader.election.enable", "false".to_owned()));
        if let Some(replication) = replication {
            configs.push(("min.insync.replicas", if replication < 3 { "1" } else { "2" }.to_owned()));
        }
        Self { partitions, replication, configs }
    }
}

fn by_age() -> Vec<(&'static str, String)> {
    vec![
        ("cleanup.policy", "delete".to_owned()),
        ("retention.ms", RETENTION_MS.to_string()),
        ("retention.bytes", "-1".to_owned()),
    ]
}

/// Result of [`ensure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ensured {
    /// The topic was missing and has been created.
    Made,
    /// The topic exists with the required settings.
    AsWanted,
}

/// Creates a missing topic, or verifies an existing one.
pub fn ensure(address: &KafkaAddress, spec: &TopicSpec) -> Result<Ensured, LogError> {
    if !check(address, spec)? && create(address, spec)? {
        return Ok(Ensured::Made);
    }
    // It was there, or somebody else was faster.
    check(address, spec).map(|_| Ensured::AsWanted)
}

/// Whether the topic is there. One that differs from what is wanted is an error that names each difference.
pub fn check(address: &KafkaAddress, spec: &TopicSpec) -> Result<bool, LogError> {
    let topic = match Topic::open(address) {
        Ok(topic) => topic,
        Err(LogError::Missing { .. }) => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut differences = Vec::new();
    let mut has = |what: &str, wanted: &str, has: &str| {
        if wanted != has {
            differences.push(format!("{what}: wanted {wanted}, has {has}"));
        }
    };
    has("partitions", &spec.partitions.to_string(), &topic.opened.partitions.to_string());
    if let Some(replication) = spec.replication {
        has("replication factor", &replication.to_string(), &replicas(&topic)?.to_string());
    }
    let resource = settings(address)?.map_err(|code| failed(address, SETTINGS_UNREAD, code.to_string()))?;
    for (config, wanted) in &spec.configs {
        let value = resource.get(config).and_then(|entry| entry.value.as_deref());
        has(config, wanted, value.unwrap_or("nothing"));
    }
    if differences.is_empty() {
        Ok(true)
    } else {
        Err(LogError::Drift { path: address.to_string(), differences: differences.join("; ") })
    }
}

/// Records that the topic removes; none where this client may not read the topic's settings.
pub fn cleanup(address: &KafkaAddress) -> Result<Cleanup, LogError> {
    match settings(address)? {
        Ok(settings) => {
            let value = |name| settings.get(name).and_then(|entry| entry.value.as_deref());
            // It may be a list: `compact,delete`.
            let has =
                |policy| value("cleanup.policy").is_some_and(|list| list.split(',').any(|word| word.trim() == policy));
            // -1 stands for no limit.
            let retention_ms = value("retention.ms").and_then(|ms| ms.parse().ok()).filter(|_| has("delete"));
            Ok(Cleanup { is_compacted: has("compact"), retention_ms })
        }
        Err(Code::TopicAuthorizationFailed) => {
            let topic = address.to_string();
            tracing::warn!(
                topic,
                "no permission to read the topic's settings: it must not be a compacted one, nor one of short retention"
            );
            Ok(Cleanup::default())
        }
        Err(code) => Err(failed(address, SETTINGS_UNREAD, code.to_string())),
    }
}

/// The topic's settings, or the cluster's reason why they cannot be read.
fn settings(address: &KafkaAddress) -> Result<Result<ConfigResource, Code>, LogError> {
    let failed = |why: String| failed(address, SETTINGS_UNREAD, why);
    let name = ResourceSpecifier::Topic(&address.topic);
    let options = AdminOptions::new().request_timeout(Some(TIMEOUT));
    let answer = wait_for(admin(address)?.describe_configs([&name], &options));
    let resources = answer.map_err(|error| failed(error.to_string()))?;
    resources.into_iter().next().ok_or_else(|| failed("empty response".to_owned()))
}

/// Creates a missing topic, and returns when it can be used. False if it exists, with any settings.
pub fn create(address: &KafkaAddress, spec: &TopicSpec) -> Result<bool, LogError> {
    if Topic::exists(address)? {
        return Ok(false);
    }
    let what = "cannot create the topic";
    let number = |number: u32| i32::try_from(number).map_err(|error| failed(address, what, error.to_string()));
    let copies = TopicReplication::Fixed(spec.replication.map_or(Ok(-1), number)?);
    let mut topic = NewTopic::new(&address.topic, number(spec.partitions)?, copies);
    topic.config = spec.configs.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let options = AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT));
    let answer = wait_for(admin(address)?.create_topics([&topic], &options));
    let result = answer.map_err(|error| failed(address, what, error.to_string()))?.into_iter().next();
    match result {
        Some(Ok(_)) => wait_until_known(address).map(|()| true),
        Some(Err((_, Code::TopicAlreadyExists))) => wait_until_known(address).map(|()| false),
        Some(Err((_, code))) => Err(failed(address, what, why_not(code, spec))),
        None => Err(failed(address, what, "empty response".to_owned())),
    }
}

fn why_not(code: Code, spec: &TopicSpec) -> String {
    match (code, spec.replication) {
        (Code::InvalidReplicationFactor, Some(copies)) => {
            format!("{code}: {copies} replicas need as many brokers; start more, or set --replication")
        }
        _ => code.to_string(),
    }
}

/// Waits until the brokers know a new topic; they learn of it one after the other.
fn wait_until_known(address: &KafkaAddress) -> Result<(), LogError> {
    let start = Instant::now();
    loop {
        match Topic::open(address) {
            Ok(_) => return Ok(()),
            Err(LogError::Missing { .. }) if start.elapsed() < TIMEOUT => thread::sleep(Duration::from_millis(50)),
            Err(error) => return Err(error),
        }
    }
}

/// Replication factor of the first partition.
fn replicas(topic: &Topic) -> Result<usize, LogError> {
    let what = "cannot read the replication factor";
    let metadata = topic.client.fetch_metadata(Some(&topic.address.topic), TIMEOUT);
    let metadata = metadata.map_err(|error| topic.failed(what, error.to_string()))?;
    let first = metadata.topics().first().and_then(|topic| topic.partitions().first());
    first.map(|first| first.replicas().len()).ok_or_else(|| topic.failed(what, "empty response".to_owned()))
}

fn admin(address: &KafkaAddress) -> Result<AdminClient<Events>, LogError> {
    client_config(address)?.create_with_context(Events::new(address)).map_err(|error| explain(address, &error))
}

fn failed(address: &KafkaAddress, what: &'static str, why: String) -> LogError {
    LogError::Failed { path: address.to_string(), what, why }
}

/// Blocks on a future, in any thread, including those of an asynchronous runtime, where a second runtime would panic.
fn wait_for<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => thread::park(),
        }
    }
}
