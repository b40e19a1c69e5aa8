//! A real broker, run by `scripts/kafka-server`: one that all tests share, and one of its own for a test that kills it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};

use crate::shared::pids::wait_until;
use crate::shared::server::Server;

/// A broker that runs, until it is dropped.
#[derive(Debug)]
pub struct Broker {
    /// `127.0.0.1:port`, without any security.
    pub address: String,
    /// `127.0.0.1:port` for TLS with user `tickline`, password `tickline-secret`.
    pub sasl_ssl: String,
    /// The certificate authority that signed the broker's certificate.
    pub ca: PathBuf,
    /// The process behind it.
    pub server: Server,
}

/// The broker that all tests share: never kill it, and use topics of your own.
pub fn shared() -> &'static Broker {
    static SHARED: OnceLock<Broker> = OnceLock::new();
    SHARED.get_or_init(|| Broker::start(Path::new("-")))
}

/// A new topic on the shared broker.
pub fn topic(partitions: u32) -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let name = format!("test-{}", LAST.fetch_add(1, Ordering::Relaxed));
    shared().create_topic(&name, partitions);
    name
}

/// What `--log` takes for a topic of the shared broker.
pub fn log_address(topic: &str) -> String {
    shared().log_address(topic)
}

impl Broker {
    /// Starts a broker with its data in `dir`, on free ports.
    pub fn start(dir: &Path) -> Self {
        let server = Server::run("kafka-server", "run", dir, None);
        let (address, sasl_ssl) = (server.told[0].clone(), server.word("sasl_ssl").to_owned());
        Self { address, sasl_ssl, ca: server.dir.join("ca.pem"), server }
    }

    /// What `--log` takes for a topic of this broker.
    pub fn log_address(&self, topic: &str) -> String {
        format!("kafka://{}/{topic}", self.address)
    }

    /// Client settings that reach this broker.
    pub fn client_config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.address);
        config
    }

    /// What asks for changes, with a runtime to ask in, and how long it waits.
    pub fn admin(&self) -> (tokio::runtime::Runtime, AdminClient<DefaultClientContext>, AdminOptions) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
        (runtime, self.client_config().create().unwrap(), options)
    }

    /// The keys of the first `count` records of partition 0.
    pub fn keys(&self, topic: &str, count: usize) -> Vec<Option<String>> {
        let consumer: BaseConsumer = self.client_config().set("group.id", "keys").create().unwrap();
        let mut from = TopicPartitionList::new();
        from.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
        consumer.assign(&from).unwrap();
        let key = |_| {
            let message = consumer.poll(Duration::from_secs(60)).expect("a record in time").unwrap();
            message.key().map(|key| String::from_utf8(key.to_vec()).unwrap())
        };
        (0..count).map(key).collect()
    }

    /// Makes a topic with the broker's own defaults; returns when the broker answers for it, which is a little later.
    pub fn create_topic(&self, name: &str, partitions: u32) {
        let (runtime, admin, options) = self.admin();
        let topic = NewTopic::new(name, i32::try_from(partitions).unwrap(), TopicReplication::Fixed(1));
        let results = runtime.block_on(admin.create_topics([&topic], &options)).unwrap();
        results.into_iter().for_each(|result| assert_eq!(result.unwrap(), name));
        wait_until("the topic is there", || self::partitions(self, name) == partitions as usize);
    }
}

/// How many partitions a topic has; 0 when it is not there.
pub fn partitions(broker: &Broker, topic: &str) -> usize {
    let admin: AdminClient<DefaultClientContext> = broker.client_config().create().unwrap();
    let metadata = admin.inner().fetch_metadata(Some(topic), Duration::from_secs(30)).unwrap();
    metadata.topics()[0].partitions().len()
}
