//! A broker of the bench's own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// A broker that ends when its standard input does.
pub struct Broker {
    _script: Child,
    _stdin: ChildStdin,
    /// `127.0.0.1:port`.
    pub address: String,
}

/// Starts a broker with its data in a folder.
pub fn start(folder: &Path) -> Broker {
    let mut script = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/kafka-server"))
        .args(["run".as_ref(), folder.as_os_str()])
        .env("KAFKA_HEAP_OPTS", "-Xms1g -Xmx1g")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("scripts/kafka-server starts");
    let mut line = String::new();
    BufReader::new(script.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.split(' ').nth(1).expect("the broker is ready").to_owned();
    Broker { _stdin: script.stdin.take().unwrap(), _script: script, address }
}
