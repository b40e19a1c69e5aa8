//! The broker of the tests ends with them. That it restarts with its ports and topics is shown by the tests of outages.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::shared::broker::{Broker, log_address, partitions, shared, topic};
use crate::shared::pids::{is_running, kill, wait_until};

/// Environment variable that makes a copy of this test process run a broker with its data in the given folder.
const HOLD: &str = "TICKLINE_TEST_HOLDS_BROKER";

#[test]
fn a_broker_ends_with_its_test_process() {
    if let Some(dir) = std::env::var_os(HOLD) {
        let broker = Broker::start(Path::new(&dir));
        println!("\nholds {} {}", broker.server.pid, broker.server.script_pid());
        // Until this process is killed, or its parent ends.
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
        assert!(is_running(broker) && is_running(script), "broker and script are running");
        if kill_the_script {
            kill(script);
            wait_until("the broker ends after its script", || !is_running(broker));
        }
        holder.kill().unwrap();
        holder.wait().unwrap();
        wait_until("all processes have ended", || !is_running(broker) && !is_running(script));
    }
}

#[test]
fn shared_topics_are_new() {
    let (one, other) = (topic(1), topic(4));
    assert_ne!(one, other);
    assert_eq!((partitions(shared(), &one), partitions(shared(), &other)), (1, 4));
    assert_eq!(log_address(&one), format!("kafka://{}/{one}", shared().address));
    assert!(shared().ca.is_file());
    assert!(std::net::TcpStream::connect(&shared().sasl_ssl).is_ok());
}
