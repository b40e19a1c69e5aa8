//! `--restart`: a lost process comes back, and all others with it; nothing outlives its supervisor.

use std::process::Command;

use crate::cluster::cluster::{Cluster, says};
use crate::shared::pids::{is_running, kill, wait_until};
use crate::shared::process::wait_for;

/// The process that a supervisor has started.
fn child(supervisor: u32) -> u32 {
    wait_for("a child", || {
        let output = Command::new("ps").args(["-o", "pid=", "--ppid", &supervisor.to_string()]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().ok()
    })
}

#[test]
fn a_killed_process_comes_back_and_ends_with_its_supervisor() {
    let cluster = Cluster::new(2, 5_000);
    let mut all = cluster.running("--restart");
    kill(child(all[1].id()));
    says(&mut all[1], "ended by signal 9, starts again", 1);
    says(&mut all[0], "ended by exit code 5, starts again", 1);
    all.iter_mut().for_each(|one| says(one, "worker starts", 2));
    let orphan = child(all[1].id());
    all.remove(1).kill();
    wait_until("the child of a killed supervisor has ended", || !is_running(orphan));
    // The other one is back, and waits for its peer.
    let mut first = all.remove(0);
    says(&mut first, "ended by exit code 5, starts again", 2);
    let last = child(first.id());
    assert!(is_running(last));
    first.terminate();
    first.end("a supervisor that was asked to end").is(143, &["SIGTERM"]);
    wait_until("the child of a terminated supervisor has ended", || !is_running(last));
}

#[test]
fn what_would_come_again_is_not_tried_again() {
    let cluster = Cluster::new(1, 100);
    let line = |log: &str| format!("work --log dir:{log} --store none --until-end --restart");
    cluster.start_line(&line("nowhere")).end("no log").is(2, &["there is no log", "not restarted after exit code 2"]);
    cluster.start_line(&line("log")).end("a good end").is(0, &["complete up to"]);
}
