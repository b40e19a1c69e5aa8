//! Who is no peer is dropped and counted, who does not fit is told why, and a cluster comes together meanwhile.

use std::io::Write;
use std::net::TcpStream;

use crate::cluster::cluster::{Cluster, addresses, ended, hello, other_build, says};

const WORK: &str = "--workers 2 --until-end";

#[test]
fn a_cluster_comes_together_among_strangers() {
    let cluster = Cluster::new(3, 20_000);
    let (frontier, digest) = cluster.wanted();
    let mut first = cluster.start(0, WORK);
    let mut second = cluster.start(1, WORK);
    says(&mut first, "a peer is there", 1);
    let door = cluster.hosts[0];
    let silent = TcpStream::connect(door).unwrap();
    // A port scan, a browser, one that stops in the middle of a length, and one that speaks our words without sense.
    drop(TcpStream::connect(door).unwrap());
    let _held = [&b"GET / HTTP/1.1\r\n\r\n"[..], b"tickline\0\0", b"tickline\0\0\0\x02{}"].map(|bytes| {
        let mut stream = TcpStream::connect(door).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    });
    // Those do not fit: nothing but the answer tells.
    let refused = |answer: &serde_json::Value, word: &str| {
        let refusal = &answer["Refused"];
        assert!(refusal["why"].as_str().is_some_and(|why| why.contains(word)), "{word}: {answer}");
        refusal["then"].as_str().unwrap().to_owned()
    };
    assert_eq!(refused(&hello(door, &other_build(2, 3, None)), "0000000000000001"), "End");
    // Another log, other workers, and an index that is in use: by processes as their users start them.
    let elsewhere = addresses(3);
    cluster.write_hosts("elsewhere", &[door, elsewhere[1], elsewhere[2]]);
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
    // The silent one is dropped as well, in the end; until then it has kept nobody waiting.
    says(&mut first, "strangers=5", 1);
    drop(silent);
    assert!(second.is_alive());
    let third = cluster.start(2, WORK);
    let all = ended(vec![first, second, third]);
    all.iter().for_each(|one| one.is(0, &[&format!("complete up to {frontier}")]));
    all[0].is(0, &[&format!("digest {digest}")]);
    assert_eq!(all[0].stderr.matches("connection was dropped").count(), 5, "{}", all[0].stderr);
}

#[test]
fn the_place_of_a_peer_that_died_is_given_to_the_next() {
    let cluster = Cluster::new(3, 5_000);
    let mut first = cluster.start(0, WORK);
    let mut dying = cluster.start(1, WORK);
    says(&mut first, "a peer is there index=1", 1);
    assert!(dying.is_alive());
    dying.kill();
    let second = cluster.start(1, WORK);
    says(&mut first, "a peer is there index=1", 2);
    let third = cluster.start(2, WORK);
    ended(vec![first, second, third]).iter().for_each(|one| one.is(0, &["complete up to"]));
}

#[test]
fn a_cluster_that_runs_lets_nobody_in() {
    let cluster = Cluster::new(2, 5_000);
    let mut all = cluster.running("");
    // Of another epoch, as a process that slept through a restart of all others.
    let answer = hello(cluster.hosts[1], &other_build(1, 2, Some(99)));
    assert_eq!(answer["Refused"]["then"], "StartOver", "{answer}");
    assert!(answer["Refused"]["why"].as_str().unwrap().contains("epoch 99, process 1 of epoch 1"), "{answer}");
    // One that fits waits until it is needed.
    cluster.write_hosts("elsewhere", &[cluster.hosts[0], addresses(1)[0]]);
    let mut spare = cluster.start_line(&cluster.line(1).replace("hosts hosts", "hosts elsewhere"));
    says(&mut all[0], "the cluster is running, under epoch 1", 2);
    assert!(spare.is_alive(), "{}", spare.stderr());
    assert!(all.iter_mut().all(|one| one.is_alive()));
}
