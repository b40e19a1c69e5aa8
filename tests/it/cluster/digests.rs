//! The same frontier and digest on any number of processes and workers, with every record read once.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::cluster::processes::{Cluster, addresses, ended, wait_for_log};
use crate::shared::pids::wait_until;

#[test]
fn any_number_of_processes_agrees() {
    let mut cluster = Cluster::new(1, 60_000);
    let (frontier, digest) = cluster.expected();
    let mut records = Vec::new();
    for (processes, workers) in [(1, 2), (2, 1), (2, 3), (3, 2), (4, 2)] {
        cluster.hosts = addresses(processes);
        cluster.write_hosts("hosts", &cluster.hosts);
        let all = ended(cluster.start_all(&format!("--workers {workers} --until-end")));
        let mut read = 0;
        for (index, one) in all.iter().enumerate() {
            one.is(0, &[&format!("complete up to {frontier}")]);
            assert_eq!(one.stderr.contains(&format!("digest {digest}")), index == 0, "{one:?}");
            let (_, line) = one.stderr.split_once("work: ").unwrap();
            read += line.split(' ').next().unwrap().parse::<u64>().unwrap();
        }
        records.push(read);
    }
    assert!(records[0] > 60_000 && records.iter().all(|&read| read == records[0]), "{records:?}");
}

#[test]
fn metrics_and_health_are_served() {
    let cluster = Cluster::new(2, 5_000);
    let mut first = cluster.start(0, "--listen 127.0.0.1:0");
    wait_for_log(&mut first, "/metrics", 1);
    let stderr = first.stderr();
    let addr = stderr.split_once("metrics: http://").unwrap().1.split_once("/metrics").unwrap().0.to_owned();
    let get = |path: &str| {
        let mut stream = TcpStream::connect(&addr).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response.split_once("\r\n\r\n").unwrap().1.to_owned()
    };
    assert!(get("/readyz").contains("waiting for the other processes"));
    assert!(get("/healthz").starts_with("ok"));
    let mut second = cluster.start(1, "");
    wait_until("ready", || get("/readyz").contains("ready: epoch 1"));
    // It is not exported before there is one.
    wait_until("the frontier is exported", || {
        get("/metrics").contains("\ntickline_durable_frontier_timestamp_seconds ")
    });
    let metrics = get("/metrics");
    ["tickline_peers 1", "tickline_epoch 1", "tickline_rejected_connections_total 0"]
        .iter()
        .for_each(|line| assert!(metrics.contains(line), "{line}: {metrics}"));
    assert!(get("/healthz").contains("the worker loop last ran"));
    assert!(first.is_alive() && second.is_alive());
}

#[test]
fn invalid_cluster_options_fail_at_once() {
    let cluster = Cluster::new(2, 100);
    let work = "work --log dir:log --until-end";
    let fails = |more: &str, words: &[&str]| cluster.home.fails(&format!("{work} {more}"), 2, words);
    fails("--store none --processes 2", &["--hosts FILE"]);
    fails("--store none --processes 2 --process 2 --hosts hosts", &["--process 2 is out of range 0..=1"]);
    fails("--store none --processes 3 --hosts hosts", &["lists 2 processes", "--processes is 3"]);
    fails("--store none --processes 2 --hosts nowhere", &["nowhere", "no such file"]);
    fails("--store sqlite:x.db --processes 2 --hosts hosts", &["sqlite:x.db serves a single process"]);
}
