//! A Kafka broker and a Cassandra node for one benchmark.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// A server that ends when its standard input does.
pub struct Broker {
    _script: Child,
    _stdin: ChildStdin,
    /// `127.0.0.1:port`.
    pub address: String,
}

/// Starts a broker with its data in a folder.
pub fn start(folder: &Path) -> Broker {
    run("kafka-server", folder)
}

/// Starts a Cassandra node with its data in a folder.
#[allow(dead_code, reason = "not every bench needs one")]
pub fn start_node(folder: &Path) -> Broker {
    run("cassandra-server", folder)
}

fn run(script: &str, folder: &Path) -> Broker {
    let mut script = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(script))
        .args(["run".as_ref(), folder.as_os_str()])
        .env("KAFKA_HEAP_OPTS", "-Xms1g -Xmx1g")
        .env("CASSANDRA_HEAP_OPTS", "-Xms1g -Xmx1g")
        .env("TICKLINE_CASSANDRA_SYNC", "periodic")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("cannot start the script");
    let mut line = String::new();
    BufReader::new(script.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.split(' ').nth(1).expect("the script printed no address").to_owned();
    Broker { _stdin: script.stdin.take().unwrap(), _script: script, address }
}
