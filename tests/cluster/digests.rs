//! The same frontier and digest on any number of processes and workers, and every record read once.

use crate::cluster::{Cluster, addresses, ended};

#[test]
fn every_number_of_processes_makes_the_same() {
    let mut cluster = Cluster::new(1, 60_000);
    let (frontier, digest) = cluster.wanted();
    let mut records = Vec::new();
    for (processes, workers) in [(1, 2), (2, 1), (2, 3), (3, 2), (4, 2)] {
        cluster.hosts = addresses(processes);
        cluster.write_hosts("hosts", &cluster.hosts);
        let all = ended(cluster.start_all(&format!("--workers {workers} --until-end")));
        let mut read = 0;
        for (index, one) in all.iter().enumerate() {
            one.is(0, &[&format!("complete up to {frontier}")]);
            assert_eq!(one.stderr.contains(&format!("digest {digest}")), index == 0, "{one:?}");
            let (_, said) = one.stderr.split_once("work: ").unwrap();
            read += said.split(' ').next().unwrap().parse::<u64>().unwrap();
        }
        records.push(read);
    }
    assert!(records[0] > 60_000 && records.iter().all(|&read| read == records[0]), "{records:?}");
}

#[test]
fn what_cannot_be_a_cluster_is_told_at_once() {
    let cluster = Cluster::new(2, 100);
    let work = "work --log dir:log --until-end";
    let fails = |more: &str, words: &[&str]| cluster.home.fails(&format!("{work} {more}"), 2, words);
    fails("--store none --processes 2", &["--hosts FILE"]);
    fails("--store none --processes 2 --process 2 --hosts hosts", &["--process 2 is none of 2"]);
    fails("--store none --processes 3 --hosts hosts", &["names 2 processes", "says 3"]);
    fails("--store none --processes 2 --hosts nowhere", &["nowhere", "not there"]);
    fails("--store sqlite:x.db --processes 2 --hosts hosts", &["sqlite:x.db is for one process"]);
}
