//! `--restart`: a lost process restarts, and all others with it; no process outlives its supervisor.

use crate::cluster::processes::{Cluster, wait_for_log};
use crate::shared::pids::{child, is_running, kill, wait_until};
use crate::shared::process::wait_for;

/// The child process of a supervisor, once it runs one.
fn running_child(supervisor: u32) -> u32 {
    wait_for("a child", || child(supervisor))
}

#[test]
fn killed_process_restarts_under_its_supervisor() {
    let cluster = Cluster::new(2, 5_000);
    let mut all = cluster.running("--restart");
    kill(running_child(all[1].id()));
    wait_for_log(&mut all[1], "ended with signal 9; restarting", 1);
    wait_for_log(&mut all[0], "ended with exit code 5; restarting", 1);
    all.iter_mut().for_each(|one| wait_for_log(one, "starting workers", 2));
    let orphan = running_child(all[1].id());
    all.remove(1).kill();
    wait_until("the child of a killed supervisor has ended", || !is_running(orphan));
    // The other one has restarted, and waits for its peer.
    let mut first = all.remove(0);
    wait_for_log(&mut first, "ended with exit code 5; restarting", 2);
    let last = running_child(first.id());
    assert!(is_running(last));
    first.terminate();
    first.end("a terminated supervisor").is(0, &["stopping"]);
    wait_until("the child of a terminated supervisor has ended", || !is_running(last));
}

#[test]
fn permanent_failure_is_not_restarted() {
    let cluster = Cluster::new(1, 100);
    let line = |log: &str| format!("work --log dir:{log} --store none --until-end --restart");
    cluster.start_line(&line("nowhere")).end("no log").is(2, &["no log at", "not restarted after exit code 2"]);
    cluster.start_line(&line("log")).end("a normal end").is(0, &["complete up to"]);
}
