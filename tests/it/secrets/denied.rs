//! Wrong passwords of real servers: every command that reads one ends with exit code 2, and does not show it.

use std::path::Path;
use std::process::Command;

use simulator::{SimulatorConfig, serve};

use super::{CANARY, LOUD, assert_hidden, assert_hidden_below};
use crate::kafka::setup::tools;
use crate::shared::broker::{self, Broker};
use crate::shared::node::Node;
use crate::shared::process::{Home, wait_for};

/// Runs commands at the same time. Each has to end with exit code 2 and these words.
fn all_denied(home: &Home, lines: &[String], words: &[&str], files_of_secrets: &[&str]) {
    let settings = [LOUD, ("FINNHUB_TOKEN", "some-api-token")];
    let running: Vec<_> = lines.iter().map(|line| (line, home.start_with(line, &settings))).collect();
    for (line, process) in running {
        let ended = process.end(line);
        assert_eq!(ended.code, Some(2), "{line}: {}", last_lines(&ended.stderr));
        assert!(ended.stderr.contains("TRACE") || ended.stderr.contains("DEBUG"), "{line}");
        let last = last_lines(&ended.stderr);
        assert!(words.iter().all(|word| last.contains(word)), "{line}: {words:?} are not in {last}");
        assert_hidden(line, &ended.stderr);
        assert_hidden(line, &ended.stdout);
    }
    assert_hidden_below(&home.path("."), files_of_secrets);
}

/// The same of `status`, which says within 2 s what it knows: on a busy machine that it has no answer yet.
fn status_is_denied(home: &Home, line: &str, words: &[&str]) {
    let ended = wait_for("an answer in time", || {
        let ended = home.start_with(line, &[LOUD]).end(line);
        (!ended.stderr.contains("no answer within")).then_some(ended)
    });
    assert_hidden(line, &(ended.stdout.clone() + &ended.stderr));
    ended.is(2, words);
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(3)..].join("\n")
}

/// Settings of a client of the shared broker.
fn kafka_settings(mechanism: &str, password: &str) -> String {
    settings_of(broker::shared(), mechanism, password)
}

fn settings_of(broker: &Broker, mechanism: &str, password: &str) -> String {
    let ca = broker.ca.display();
    format!(
        "security.protocol=sasl_ssl\nssl.ca.location={ca}\nsasl.mechanism={mechanism}\nsasl.username=tickline\n\
         sasl.password={password}\ndebug=security,broker\n"
    )
}

#[test]
fn a_wrong_password_of_kafka_is_a_configuration_error() {
    let topic = broker::topic(1);
    let home = Home::new();
    home.simulate("trades.jsonl", 100, "2024-01-02T14:30:00Z");
    home.ok("import trades.jsonl --log dir:log --partitions 1");
    home.ok("work --log dir:log --store sqlite:s.db --until-end");
    for mechanism in ["PLAIN", "SCRAM-SHA-512"] {
        home.write("kafka.properties", kafka_settings(mechanism, CANARY));
        let log = format!("kafka://{}/{topic}?config=kafka.properties", broker::shared().sasl_ssl);
        let lines = [
            format!("setup --log {log}"),
            format!("ingest --log {log} --source a --symbols A --url ws://127.0.0.1:1/"),
            format!("import trades.jsonl --log {log}"),
            format!("import --log dir:copy --from-log {log}"),
            format!("pace --log {log} --progress dir:progress"),
            format!("work --log {log} --store sqlite:w.db --until-end"),
            format!("work --log dir:log --store sqlite:r.db --until-end --rejected-to {log}"),
            format!("work --log dir:log --store sqlite:y.db --until-end --symbol-log {log}"),
            format!("replay --log {log}"),
            format!("verify --log {log} --store sqlite:s.db"),
            format!("source list --log {log}"),
            format!("source retire a --log {log}"),
            format!("symbols sync --store sqlite:z.db --log {log} --url http://127.0.0.1:1/"),
        ];
        let lines = if mechanism == "PLAIN" { &lines[..] } else { &lines[..1] };
        all_denied(&home, lines, &["does not accept the credentials", "uthentication", &topic], &["kafka.properties"]);
        status_is_denied(
            &home,
            &format!("status --log {log} --store sqlite:s.db"),
            &["does not accept the credentials"],
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_changed_during_a_run_ends_it() {
    let simulator = serve(SimulatorConfig::default()).await.unwrap();
    tokio::task::block_in_place(|| {
        let home = Home::new();
        let mut broker = Broker::start(&home.path("broker"));
        broker.create_topic("t", 1);
        home.write("kafka.properties", settings_of(&broker, "SCRAM-SHA-512", "tickline-secret"));
        let log = format!("kafka://{}/t?config=kafka.properties", broker.sasl_ssl);
        let line = format!("ingest --log {log} --source a --symbols AAPL --url {}", simulator.url());
        let mut ingest = home.start_with(&line, &[("FINNHUB_TOKEN", "token")]);
        let mut work = home.start(&format!("work --log {log} --store sqlite:s.db"));
        wait_for("both at work", || {
            assert!(ingest.is_alive() && work.is_alive(), "{} {}", ingest.stderr(), work.stderr());
            let is_acknowledged = home.path(".tickline/ingest/a.state").exists();
            let status = home.run("status --store sqlite:s.db").stdout;
            (is_acknowledged && status.contains("complete up to   2")).then_some(())
        });
        let mut change = Command::new(Path::new(tools()).join("kafka-configs.sh"));
        change.args(["--bootstrap-server", &broker.address, "--alter", "--entity-type", "users"]);
        change.args(["--entity-name", "tickline", "--add-config", "SCRAM-SHA-512=[password=another]"]);
        let changed = change.output().unwrap();
        assert!(changed.status.success(), "{}", String::from_utf8_lossy(&changed.stderr));
        // Connections that are open stay so.
        broker.server.restart();
        for (what, process) in [("the worker", work), ("the ingest", ingest)] {
            process.end(what).is(2, &["does not accept the credentials", "uthentication"]);
        }
    });
}

#[test]
fn the_right_password_of_kafka_is_hidden() {
    let topic = broker::topic(1);
    let home = Home::new();
    home.write("kafka.properties", kafka_settings("PLAIN", "tickline-secret"));
    let log = format!("kafka://{}/{topic}?config=kafka.properties", broker::shared().sasl_ssl);
    let ended = home.start_with(&format!("source list --log {log}"), &[LOUD]).end("source list");
    ended.is(0, &["TRACE"]);
    assert!(!ended.stderr.contains("tickline-secret") && !ended.stdout.contains("tickline-secret"), "{}", ended.stderr);
}

#[test]
fn a_wrong_password_of_cassandra_is_a_configuration_error() {
    let node = Node::start_secured(Path::new("-"));
    let home = Home::new();
    home.ok("setup --log dir:log --partitions 1");
    let settings = |file: &str| {
        let ca = node.server.dir.join("ca.pem");
        format!("user = 'cassandra'\npassword_file = '{file}'\nca_file = '{}'\n", ca.display())
    };
    home.write("wrong", CANARY);
    home.write("right", "cassandra");
    home.write("wrong.toml", settings("wrong"));
    home.write("right.toml", settings("right"));
    let store = format!("{}?config=wrong.toml", node.store_address("denied"));
    let lines = [
        format!("setup --store {store}"),
        format!("work --log dir:log --store {store}"),
        format!("verify --log dir:log --store {store}"),
        format!("replay --log dir:log --write-to {store}"),
        format!("candles --symbol A --resolution 5s --store {store}"),
        format!("indicators --symbol A --store {store}"),
        format!("gaps --store {store}"),
        format!("source list --log dir:log --store {store}"),
        format!("source retire a --log dir:log --store {store}"),
        format!("symbols sync --store {store} --url http://127.0.0.1:1/"),
        format!("symbols list --store {store}"),
        format!("symbols search a --store {store}"),
        format!("rejected list --store {store}"),
        format!("rejected export --output out --store {store}"),
        format!("checkpoint list --store {store}"),
        format!("checkpoint drop 2024-01-02T14:30:00Z --store {store}"),
        format!("dashboard --listen 127.0.0.1:0 --store {store}"),
    ];
    all_denied(&home, &lines, &["does not accept the credentials", "denied", "incorrect"], &["wrong"]);
    status_is_denied(&home, &format!("status --store {store}"), &["does not accept the credentials"]);

    // Without any password, and with the right one.
    home.write("none.toml", settings("right").replace("user = 'cassandra'\npassword_file = 'right'\n", ""));
    let line = |file: &str| format!("setup --replication 1 --store {}?config={file}", node.store_address("allowed"));
    home.fails(&line("none.toml"), 2, &["does not accept the credentials"]);
    let ended = home.start_with(&line("right.toml"), &[LOUD]).end("setup");
    ended.is(0, &["TRACE"]);
    assert!(!ended.stderr.contains("\"cassandra\""), "the password in quotes: {}", ended.stderr);
}
