//! Real brokers, run by `scripts/kafka-server`: a shared one, and separate ones for tests that kill theirs.

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

/// Running broker, stopped on drop.
#[derive(Debug)]
pub struct Broker {
    /// `127.0.0.1:port`, without any security.
    pub address: String,
    /// `127.0.0.1:port` for TLS with user `tickline`, password `tickline-secret`.
    pub sasl_ssl: String,
    /// Certificate authority of the broker.
    pub ca: PathBuf,
    /// The server process.
    pub server: Server,
}

/// The shared broker. Never kill it, and use separate topics.
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

/// Log address of a topic of the shared broker.
pub fn log_address(topic: &str) -> String {
    shared().log_address(topic)
}

impl Broker {
    /// Starts a broker with its data in `dir`, on free ports.
    pub fn start(dir: &Path) -> Self {
        let server = Server::run("kafka-server", "run", dir, None);
        let (address, sasl_ssl) = (server.words[0].clone(), server.word("sasl_ssl").to_owned());
        Self { address, sasl_ssl, ca: server.dir.join("ca.pem"), server }
    }

    /// Log address of a topic of this broker.
    pub fn log_address(&self, topic: &str) -> String {
        format!("kafka://{}/{topic}", self.address)
    }

    /// Client settings for this broker.
    pub fn client_config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.address);
        config
    }

    /// Admin client, with a runtime and options for it.
    pub fn admin(&self) -> (tokio::runtime::Runtime, AdminClient<DefaultClientContext>, AdminOptions) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
        (runtime, self.client_config().create().unwrap(), options)
    }

    /// Deletes a topic and creates it again, at once: the watch of a topic looks every two seconds.
    pub fn make_again(&self, name: &str, partitions: u32) {
        let (runtime, admin, options) = self.admin();
        runtime.block_on(admin.delete_topics(&[name], &options)).unwrap().into_iter().for_each(|r| drop(r.unwrap()));
        let topic = NewTopic::new(name, i32::try_from(partitions).unwrap(), TopicReplication::Fixed(1));
        wait_until("the topic is there again", || {
            runtime.block_on(admin.create_topics([&topic], &options)).unwrap().iter().all(Result::is_ok)
        });
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

    /// Creates a topic with the broker's defaults, and waits until its metadata is available.
    pub fn create_topic(&self, name: &str, partitions: u32) {
        self.create_topic_with(name, partitions, &[]);
    }

    /// Creates a topic with settings of its own.
    pub fn create_topic_with(&self, name: &str, partitions: u32, settings: &[(&str, &str)]) {
        let (runtime, admin, options) = self.admin();
        let topic = NewTopic::new(name, i32::try_from(partitions).unwrap(), TopicReplication::Fixed(1));
        let topic = settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
        let results = runtime.block_on(admin.create_topics([&topic], &options)).unwrap();
        results.into_iter().for_each(|result| assert_eq!(result.unwrap(), name));
        wait_until("the topic exists", || self::partitions(self, name) == partitions as usize);
    }
}

/// Number of partitions of a topic; 0 if it does not exist.
pub fn partitions(broker: &Broker, topic: &str) -> usize {
    let admin: AdminClient<DefaultClientContext> = broker.client_config().create().unwrap();
    let metadata = admin.inner().fetch_metadata(Some(topic), Duration::from_secs(30)).unwrap();
    metadata.topics()[0].partitions().len()
}
