//! A real broker, run by `scripts/kafka-server`: one that all tests share, and one of its own for a test that kills it.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};

use crate::pids::{is_running, kill, wait_until};
use crate::server::Server;

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

/// Tells a copy of this test process to hold a broker with its data in the folder that it names.
const HOLD: &str = "TICKLINE_TEST_HOLDS_BROKER";

#[test]
fn a_broker_never_outlives_a_killed_test_process_or_a_killed_script() {
    if let Some(dir) = std::env::var_os(HOLD) {
        let broker = Broker::start(Path::new(&dir));
        println!("\nholds {} {}", broker.server.pid, broker.server.script_pid());
        // Until it is killed, or the process that wants to kill it is gone.
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        return;
    }
    for kill_the_script in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let this = std::thread::current().name().unwrap().to_owned();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([&this, "--exact", "--nocapture"]).env(HOLD, dir.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = command.spawn().unwrap();
        let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines().map(Result::unwrap);
        let line = lines.find(|line| line.starts_with("holds ")).expect("the other process has no broker");
        let pids = line.split(' ').skip(1).map(|pid| pid.parse().unwrap()).collect::<Vec<u32>>();
        let [broker, script] = pids[..] else { panic!("{line}") };
        assert!(is_running(broker) && is_running(script), "the fault needs something to hit");
        if kill_the_script {
            kill(script);
            wait_until("the broker ends after its script", || !is_running(broker));
        }
        holder.kill().unwrap();
        holder.wait().unwrap();
        wait_until("nothing is left", || !is_running(broker) && !is_running(script));
    }
}

#[test]
fn a_killed_broker_comes_back_on_its_ports_with_its_topics() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::start(dir.path());
    broker.create_topic("kept", 3);
    let (address, pid) = (broker.address.clone(), broker.server.pid);
    broker.server.kill();
    assert!(std::net::TcpStream::connect(&address).is_err(), "nobody listens");
    broker.server.restart();
    assert_eq!(broker.address, address);
    assert_ne!(broker.server.pid, pid);
    assert_eq!(partitions(&broker, "kept"), 3);
    let pid = broker.server.pid;
    drop(broker);
    assert!(!is_running(pid), "a broker that is dropped has ended");
}

#[test]
fn shared_topics_are_new_and_as_asked() {
    let (one, other) = (topic(1), topic(4));
    assert_ne!(one, other);
    assert_eq!((partitions(shared(), &one), partitions(shared(), &other)), (1, 4));
    assert_eq!(log_address(&one), format!("kafka://{}/{one}", shared().address));
    assert!(shared().ca.is_file());
    assert!(std::net::TcpStream::connect(&shared().sasl_ssl).is_ok());
}

fn partitions(broker: &Broker, topic: &str) -> usize {
    let admin: AdminClient<DefaultClientContext> = broker.client_config().create().unwrap();
    let metadata = admin.inner().fetch_metadata(Some(topic), Duration::from_secs(30)).unwrap();
    metadata.topics()[0].partitions().len()
}
