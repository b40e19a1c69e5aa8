//! The broker that the tests run on: it ends with them, and comes back as it was.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::shared::broker::{Broker, log_address, partitions, shared, topic};
use crate::shared::pids::{is_running, kill, wait_until};

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
