//! The topics: `kafka-setup-k8s.sh` with Kafka's own tools and `tickline setup`, on the real broker.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tickline::exit_code::ExitCode as _;
use tickline::log::address::LogAddress;
use tickline::log::kafka::topic_setup::{self, TopicSpec};

use crate::shared::broker::{log_address, shared, topic};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Exit code and output of a command.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    output: String,
}

fn end(command: &mut Command) -> Ended {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    Ended { code: output.status.code(), output: text }
}

impl Ended {
    fn is(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        words.iter().for_each(|word| assert!(self.output.contains(word), "{word:?} is not in {}", self.output));
    }
}

/// The folder of Kafka's own tools.
pub fn tools() -> &'static str {
    static TOOLS: OnceLock<String> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let fetched = end(Command::new(Path::new(ROOT).join("scripts/kafka-server")).arg("fetch"));
        fetched.is(0, &["/"]);
        fetched.output.trim_end().to_owned()
    })
}

/// Runs the script with only these settings.
fn script(path: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Ended {
    let path = format!("{path}:{}", std::env::var("PATH").unwrap());
    let mut command = Command::new(Path::new(ROOT).join("kafka-setup-k8s.sh"));
    end(command.args(arguments).env_clear().env("PATH", path).envs(settings.iter().copied()))
}

fn tickline(line: &str) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickline"));
    end(command.args(line.split(' ')).env_remove("TICKLINE_LOG").env_remove("TICKLINE_STORE"))
}

/// Partitions, replication factor and all settings of a topic of the shared broker, if it exists.
fn state(topic: &str) -> Option<(usize, usize, BTreeMap<String, String>)> {
    let client: BaseConsumer = shared().client_config().create().unwrap();
    let metadata = client.fetch_metadata(Some(topic), Duration::from_secs(30)).unwrap();
    let partitions = metadata.topics()[0].partitions();
    let copies = partitions.first()?.replicas().len();
    let admin: AdminClient<DefaultClientContext> = shared().client_config().create().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let name = ResourceSpecifier::Topic(topic);
    let answer = runtime.block_on(admin.describe_configs([&name], &AdminOptions::new())).unwrap();
    let entries = answer.into_iter().next().unwrap().unwrap().entries;
    let configs = entries.into_iter().map(|entry| (entry.name, entry.value.unwrap_or_default())).collect();
    Some((partitions.len(), copies, configs))
}

/// Three unused topic names.
fn names() -> [String; 3] {
    let base = topic(1);
    ["trades", "symbols", "rejected"].map(|name| format!("{base}.{name}"))
}

fn settings(names: &[String; 3]) -> Vec<(&'static str, &str)> {
    let topics = ["TRADES_TOPIC", "SYMBOLS_TOPIC", "REJECTED_TOPIC"].into_iter().zip(names.iter().map(String::as_str));
    let own = [("BOOTSTRAP_SERVERS", shared().address.as_str()), ("TRADES_PARTITIONS", "5"), ("REPLICATION", "1")];
    own.into_iter().chain(topics).collect()
}

fn has(topic: &str, partitions: usize, wanted: &[(&str, &str)]) {
    let (found, copies, configs) = state(topic).unwrap_or_else(|| panic!("{topic} is missing"));
    assert_eq!((found, copies), (partitions, 1), "{topic}");
    wanted.iter().for_each(|(name, value)| assert_eq!(configs[*name], *value, "{topic}: {name}"));
}

/// Checks the documented settings, written out here instead of taken from the code.
fn all_have_the_documented_settings([trades, symbols, rejected]: &[String; 3]) {
    let every = [
        ("compression.type", "producer"),
        ("max.message.bytes", "2097152"),
        ("message.timestamp.type", "LogAppendTime"),
        ("min.insync.replicas", "1"),
        ("unclean.leader.election.enable", "false"),
    ];
    for (name, partitions) in [(trades, 5), (symbols, 1), (rejected, 1)] {
        has(name, partitions, &every);
    }
    let by_age = [("cleanup.policy", "delete"), ("retention.ms", "604800000"), ("retention.bytes", "-1")];
    has(trades, 5, &by_age);
    has(rejected, 1, &by_age);
    has(symbols, 1, &[("cleanup.policy", "compact"), ("segment.ms", "86400000")]);
}

#[test]
fn the_script_creates_topics_and_reports_differences() {
    let names = names();
    let mut settings = settings(&names);
    assert_eq!(names.each_ref().map(|name| state(name)), [None, None, None]);
    script(tools(), &[], &settings).is(0, &[&format!("topic {}: created", names[0]), "as they should be"]);
    all_have_the_documented_settings(&names);
    let before = names.each_ref().map(|name| state(name));
    let again = script(tools(), &[], &settings);
    again.is(0, &["as they should be"]);
    assert!(!again.output.contains("created"), "{again:?}");

    let missing = format!("{}.missing", names[0]);
    settings.extend([("TRADES_PARTITIONS", "7"), ("REPLICATION", "2"), ("RETENTION_MS", "60000")]);
    settings.push(("SYMBOLS_TOPIC", &missing));
    script(tools(), &[], &settings).is(
        2,
        &[
            &format!("topic {}: partitions: wanted 7, has 5", names[0]),
            &format!("topic {}: replication factor: wanted 2, has 1", names[0]),
            &format!("topic {}: retention.ms: wanted 60000, has 604800000", names[2]),
            "nothing was changed",
        ],
    );
    assert_eq!(names.each_ref().map(|name| state(name)), before);
    assert_eq!(state(&missing), None, "nothing is created if one topic differs");
}

#[test]
fn the_script_waits_a_limited_time() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let ended = script(tools(), &[], &[("BOOTSTRAP_SERVERS", &unused), ("WAIT_SECONDS", "3")]);
    ended.is(1, &[&unused, "0 of 1 brokers answer", "after 3 s"]);
    let names = names();
    let mut settings = settings(&names);
    settings.extend([("REPLICATION", "2"), ("WAIT_SECONDS", "15")]);
    script(tools(), &[], &settings).is(1, &["1 of 2 brokers answer", "after 15 s"]);
    assert_eq!(names.map(|name| state(&name)), [None, None, None]);
}

#[test]
fn the_script_rejects_invalid_settings() {
    for (name, value) in [
        ("TRADES_PARTITIONS", "0"),
        ("REPLICATION", "three"),
        ("MIN_INSYNC_REPLICAS", "4"),
        ("TRADES_TOPIC", "a b"),
        ("SYMBOLS_TOPIC", "trades"),
        ("COMMAND_CONFIG", "/no/such/file"),
    ] {
        script(tools(), &[], &[(name, value)]).is(2, &[]);
    }
    script(tools(), &["--force"], &[]).is(2, &["usage"]);
    script("/none", &[], &[]).is(1, &["kafka-topics.sh is missing", "KAFKA_HOME"]);
}

/// The topics of a dry run: name, partitions, replication factor, settings.
fn printed(output: &str) -> Vec<(String, u32, u32, BTreeMap<String, String>)> {
    let of_line = |line: &str| {
        let words = line.split(' ').collect::<Vec<_>>();
        let after = |flag: &'static str| words.windows(2).filter(move |two| two[0] == flag).map(|two| two[1]);
        let one = |flag: &'static str| after(flag).next().unwrap_or_else(|| panic!("{line} has no {flag}"));
        let configs = after("--config").map(|config| config.split_once('=').unwrap());
        let configs = configs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let number = |flag: &'static str| one(flag).parse().unwrap();
        (one("--topic").to_owned(), number("--partitions"), number("--replication-factor"), configs)
    };
    output.lines().map(of_line).collect()
}

#[test]
fn script_and_tickline_require_equal_topics() {
    for copies in [1, 2, 3, 5] {
        let copies_text = copies.to_string();
        let settings = [("REJECTED_TOPIC", "trades.rejected"), ("REPLICATION", &copies_text)];
        let dry = script(
            "/none",
            &["--dry-run"],
            if copies == topic_setup::REPLICATION { &settings[..1] } else { &settings },
        );
        dry.is(0, &[]);
        let of_spec = |name: &str, spec: TopicSpec| {
            let configs = spec.configs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            (name.to_owned(), spec.partitions, spec.replication.unwrap(), configs)
        };
        let wanted = [
            of_spec("trades", TopicSpec::trades(topic_setup::PARTITIONS, Some(copies))),
            of_spec("symbols", TopicSpec::symbols(Some(copies))),
            of_spec("trades.rejected", TopicSpec::rejected(Some(copies))),
        ];
        assert_eq!(printed(&dry.output), wanted);
    }
}

#[test]
fn a_dry_run_creates_nothing() {
    let names = names();
    let dry = script("/none", &["--dry-run"], &settings(&names));
    dry.is(0, &["kafka-topics.sh --bootstrap-server", "--create"]);
    assert_eq!(printed(&dry.output).into_iter().map(|topic| topic.0).collect::<Vec<_>>(), names);
    assert_eq!(names.map(|name| state(&name)), [None, None, None]);
}

/// Writes client settings for the shared broker's secure listener: for Kafka's own tools, and for librdkafka.
fn secure_configs(folder: &Path) -> (PathBuf, PathBuf) {
    let (java, native) = (folder.join("client.properties"), folder.join("librdkafka.properties"));
    let ca = shared().ca.display();
    let module = "org.apache.kafka.common.security.scram.ScramLoginModule";
    let login = format!("{module} required username=\"tickline\" password=\"tickline-secret\";");
    let common = "security.protocol=SASL_SSL\n";
    let trust = format!("ssl.truststore.type=PEM\nssl.truststore.location={ca}\n");
    std::fs::write(&java, format!("{common}sasl.mechanism=SCRAM-SHA-512\nsasl.jaas.config={login}\n{trust}")).unwrap();
    let login = "sasl.mechanism=PLAIN\nsasl.username=tickline\nsasl.password=tickline-secret\n";
    std::fs::write(&native, format!("{common}{login}ssl.ca.location={ca}\n")).unwrap();
    (java, native)
}

#[test]
fn script_accepts_what_tickline_creates_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let (java, native) = secure_configs(folder.path());
    let names = names();
    let broker = &shared().sasl_ssl;
    let [trades, symbols, rejected] =
        names.each_ref().map(|name| format!("kafka://{broker}/{name}?config={}", native.display()));
    let line = format!("setup --log {trades} --symbols {symbols} --rejected {rejected} --partitions 5 --replication 1");
    tickline(&line)
        .is(0, &[&format!("{trades}: created"), &format!("{symbols}: created"), &format!("{rejected}: created")]);
    all_have_the_documented_settings(&names);
    let mut settings = settings(&names);
    settings.extend([("BOOTSTRAP_SERVERS", broker.as_str()), ("COMMAND_CONFIG", java.to_str().unwrap())]);
    let checked = script(tools(), &[], &settings);
    checked.is(0, &["as they should be"]);
    assert!(!checked.output.contains("created") && !checked.output.contains("secret"), "{checked:?}");
}

#[test]
fn setup_verifies_before_it_creates() {
    let names = names();
    let [trades, symbols, rejected] = names.each_ref().map(|name| log_address(name));
    let line = format!("setup --log {trades} --replication 1 --partitions");
    tickline(&format!("{line} 5")).is(0, &[": created"]);
    let before = state(&names[0]);
    tickline(&format!("{line} 5")).is(0, &["settings verified"]);
    let other = format!("setup --log {symbols} --symbols {trades} --replication 2");
    tickline(&other).is(
        2,
        &[
            &names[0],
            "partitions: wanted 1, has 5",
            "replication factor: wanted 2, has 1",
            "cleanup.policy: wanted compact, has delete",
            "nothing was changed",
        ],
    );
    assert_eq!((state(&names[0]), state(&names[1])), (before, None));
    tickline(&format!("setup --log {rejected} --replication 2")).is(1, &[&names[2], "--replication"]);
    assert_eq!(state(&names[2]), None);
}

#[test]
fn setup_creates_directory_and_tables() {
    let folder = tempfile::tempdir().unwrap();
    let (log, store) = (folder.path().join("log"), folder.path().join("store.db"));
    let line = format!("setup --log dir:{} --store sqlite:{}", log.display(), store.display());
    tickline(&line).is(0, &[": created", "schema is up to date"]);
    let made: LogAddress = format!("dir:{}", log.display()).parse().unwrap();
    assert_eq!(made.open().unwrap().partitions(), topic_setup::PARTITIONS);
    tickline(&format!("status --store sqlite:{}", store.display())).is(0, &[]);
    tickline(&line).is(0, &["settings verified"]);
    tickline(&format!("{line} --partitions 3")).is(2, &["12 partitions, not 3"]);
    tickline(&format!("{line} --partitions 0")).is(2, &["--partitions"]);
}

#[test]
fn a_created_log_has_the_documented_settings() {
    let [name, ..] = names();
    let address: LogAddress = log_address(&name).parse().unwrap();
    assert!(!address.exists().unwrap());
    assert_eq!(address.create(3).unwrap().partitions(), 3);
    has(&name, 3, &[("message.timestamp.type", "LogAppendTime"), ("retention.ms", "604800000")]);
    assert_eq!(address.create(3).unwrap().partitions(), 3, "the second call opens it");
    let error = address.create(4).err().unwrap();
    assert_eq!(error.exit_code(), 2, "{error}");
}
