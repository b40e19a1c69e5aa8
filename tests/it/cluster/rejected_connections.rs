//! Connections that are not from a peer are dropped and counted, unfit processes are rejected with a reason, and the
//! cluster forms all the same.

use std::io::Write;
use std::net::TcpStream;

use crate::cluster::processes::{Cluster, addresses, ended, join, other_build, wait_for_log};

const WORK: &str = "--workers 2 --until-end";

#[test]
fn cluster_forms_despite_foreign_connections() {
    let cluster = Cluster::new(3, 20_000);
    let (frontier, digest) = cluster.expected();
    let mut first = cluster.start(0, WORK);
    let mut second = cluster.start(1, WORK);
    wait_for_log(&mut first, "peer connected", 1);
    let listener = cluster.hosts[0];
    let silent = TcpStream::connect(listener).unwrap();
    // A port scan, a browser, a message cut off within its length, and a message with an invalid body.
    drop(TcpStream::connect(listener).unwrap());
    let _held = [&b"GET / HTTP/1.1\r\n\r\n"[..], b"tickline\0\0", b"tickline\0\0\0\x02{}"].map(|bytes| {
        let mut stream = TcpStream::connect(listener).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    });
    // A process that does not fit gets a rejection.
    let rejected = |reply: &serde_json::Value, word: &str| {
        let rejection = &reply["Rejected"];
        assert!(rejection["reason"].as_str().is_some_and(|reason| reason.contains(word)), "{word}: {reply}");
        rejection["next_step"].as_str().unwrap().to_owned()
    };
    assert_eq!(rejected(&join(listener, &other_build(2, 3, None)), "0000000000000001"), "Exit");
    // Other workers, settings and options, and an index that is in use: by processes as users start them.
    let elsewhere = addresses(3);
    cluster.write_hosts("elsewhere", &[listener, elsewhere[1], elsewhere[2]]);
    let there = |index: usize| cluster.line(index).replace("hosts hosts", "hosts elsewhere");
    let unfit = [
        (format!("{} --workers 3 --until-end", there(2)), ["has workers 3", "process 0 has 2"]),
        (format!("{} {WORK} --allowed-lateness 3s", there(2)), ["has settings", "process 0 has"]),
        (format!("{} --workers 2", there(2)), ["has until-end false", "process 0 has true"]),
        (format!("{} {WORK}", there(1)), ["index 1 is in use by a live peer", "127."]),
    ];
    for (line, words) in unfit {
        cluster.start_line(&line).end(&line).is(2, &words);
    }
    // The silent connection is dropped as well after its timeout; until then it has delayed no other.
    wait_for_log(&mut first, "rejected_connections=5", 1);
    drop(silent);
    assert!(second.is_alive());
    let third = cluster.start(2, WORK);
    let all = ended(vec![first, second, third]);
    all.iter().for_each(|one| one.is(0, &[&format!("complete up to {frontier}")]));
    all[0].is(0, &[&format!("digest {digest}")]);
    assert_eq!(all[0].stderr.matches("rejected a connection").count(), 5, "{}", all[0].stderr);
}

#[test]
fn dead_peer_is_replaced() {
    let cluster = Cluster::new(3, 5_000);
    let mut first = cluster.start(0, WORK);
    let mut dying = cluster.start(1, WORK);
    wait_for_log(&mut first, "peer connected index=1", 1);
    assert!(dying.is_alive());
    dying.kill();
    let second = cluster.start(1, WORK);
    wait_for_log(&mut first, "peer connected index=1", 2);
    let third = cluster.start(2, WORK);
    ended(vec![first, second, third]).iter().for_each(|one| one.is(0, &["complete up to"]));
}

#[test]
fn running_cluster_accepts_no_process() {
    let cluster = Cluster::new(2, 5_000);
    let mut all = cluster.running("");
    // Of another epoch, as a process that was suspended while all others restarted.
    let reply = join(cluster.hosts[1], &other_build(1, 2, Some(99)));
    assert_eq!(reply["Rejected"]["next_step"], "StartOver", "{reply}");
    assert!(reply["Rejected"]["reason"].as_str().unwrap().contains("epoch 99, process 1 to epoch 1"), "{reply}");
    // A process that fits waits until it is needed.
    cluster.write_hosts("elsewhere", &[cluster.hosts[0], addresses(1)[0]]);
    let mut spare = cluster.start_line(&cluster.line(1).replace("hosts hosts", "hosts elsewhere"));
    wait_for_log(&mut all[0], "the cluster is running, under epoch 1", 2);
    assert!(spare.is_alive(), "{}", spare.stderr());
    assert!(all.iter_mut().all(|one| one.is_alive()));
}
