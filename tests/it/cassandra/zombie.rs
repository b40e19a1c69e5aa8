//! A worker that is paused, replaced and resumed: it ends, and reads do not change although its last writes arrive
//! late.

use crate::cassandra::dump;
use crate::cassandra::scene::SETTINGS;
use crate::cassandra::stage::Stage;
use crate::shared::pids::wait_until;
use crate::shared::proxy::Link;

fn signal(pid: u32, name: &str) {
    let status = std::process::Command::new("kill").args([name, &pid.to_string()]).status().unwrap();
    assert!(status.success());
}

/// Pauses a process; returns once all its threads have stopped.
pub fn stop(pid: u32) {
    signal(pid, "-STOP");
    wait_until("the process stands", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit_once(')').is_some_and(|(_, state)| state.starts_with(" T"))
    });
}

/// Resumes a paused process.
pub fn wake(pid: u32) {
    signal(pid, "-CONT");
}

#[test]
fn resumed_worker_is_fenced() {
    let mut stage = Stage::new(3);
    let mut zombie = [stage.start(2, "")];
    stage.grow();
    stage.wait_for_frontier(&mut zombie, |frontier| frontier.is_some());
    let [zombie] = zombie;
    // It is paused while its next writes are in flight.
    let held = stage.proxy.counts().held;
    stage.proxy.set(Link::Held);
    stage.grow();
    wait_until("writes on their way", || stage.proxy.counts().held > held);
    stop(zombie.id());
    let before = stage.progress();
    stage.grow();
    let line =
        format!("work --log {} --store {} --until-end --workers 3 --read-ahead 5s {SETTINGS}", stage.log, stage.store);
    stage.home.ok(&line);
    let published = stage.progress();
    assert!(published.frontier > before.frontier && published.epoch > before.epoch, "{before:?} {published:?}");
    let row = || stage.raw.rows(&format!("SELECT * FROM {}.frontier", stage.keyspace));
    let (rows, frontier_row) = (dump::dump(&stage.raw, &stage.keyspace), row());
    stage.proxy.set(Link::Open);
    wake(zombie.id());
    let ended = zombie.end("the zombie ends");
    ended.is(4, &["fenced", &format!("epoch {}", published.epoch)]);
    dump::assert_equal(&dump::dump(&stage.raw, &stage.keyspace), &rows);
    assert_eq!(row(), frontier_row);
    assert_eq!(stage.progress().epoch, published.epoch);
    stage.finish();
}
