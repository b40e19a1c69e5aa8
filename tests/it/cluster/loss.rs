//! A peer that is killed or stopped ends all others with exit code 5.

use std::process::Command;

use crate::cluster::processes::{Cluster, ended};
use crate::shared::pids::wait_until;

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

fn state(pid: u32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
}

#[test]
fn killed_peer_ends_the_others() {
    for victim in [0, 2] {
        let cluster = Cluster::new(3, 5_000);
        let mut all = cluster.running("--workers 2");
        all.remove(victim).kill();
        for one in ended(all) {
            one.is(5, &["was lost"]);
        }
    }
}

#[test]
fn stopped_peer_ends_others_and_itself() {
    let cluster = Cluster::new(3, 5_000);
    let mut all = cluster.running("--workers 2");
    let stopped = all.remove(1);
    signal("-STOP", stopped.id());
    wait_until("the process is stopped", || state(stopped.id()) == 'T');
    for one in ended(all) {
        // The first to detect it ends, which the other may detect before the heartbeat timeout.
        one.is(5, &["was lost"]);
    }
    assert_eq!(state(stopped.id()), 'T');
    signal("-CONT", stopped.id());
    stopped.end("the stopped process").is(5, &["was lost"]);
}
