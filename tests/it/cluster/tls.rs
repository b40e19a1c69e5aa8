//! Mutual TLS between processes: only those with a certificate of the cluster's authority for their own host join.

use crate::cluster::processes::{Cluster, ended, wait_for_log};
use crate::shared::certificates::Identity;

/// Writes a folder of certificates for each host, `tls-0` and so on, all from one authority, and one from another
/// authority, `tls-other`.
fn certificates(cluster: &Cluster) {
    let (ours, other) = (Identity::authority(), Identity::authority());
    let folder = |name: String, host: String, issuer: &Identity| {
        let identity = issuer.issue(&host);
        std::fs::create_dir(cluster.home.path(&name)).unwrap();
        cluster.home.write(&format!("{name}/ca.pem"), ours.pem());
        cluster.home.write(&format!("{name}/cert.pem"), identity.pem());
        cluster.home.write(&format!("{name}/key.pem"), identity.key_pem());
    };
    for (index, host) in cluster.hosts.iter().enumerate() {
        folder(format!("tls-{index}"), host.ip().to_string(), &ours);
    }
    folder("tls-other".to_owned(), cluster.hosts[1].ip().to_string(), &other);
}

#[test]
fn only_valid_certificates_join() {
    let cluster = Cluster::new(3, 20_000);
    certificates(&cluster);
    let (frontier, digest) = cluster.expected();
    let work = |index: usize, tls: &str| cluster.start(index, &format!("--workers 2 --until-end {tls}"));
    let mut first = work(0, "--cluster-tls tls-0");
    let plain = work(1, "");
    wait_for_log(&mut first, "rejected a connection", 1);
    plain.kill();
    let foreign = work(1, "--cluster-tls tls-other");
    wait_for_log(&mut first, "invalid peer certificate", 1);
    foreign.kill();
    // The certificate of another process.
    work(1, "--cluster-tls tls-2").end("a wrong name").is(2, &["certificate is not for process 1"]);
    work(1, "--cluster-tls nowhere").end("no certificates").is(2, &["nowhere/ca.pem", "no such file"]);
    let all = ended(vec![first, work(1, "--cluster-tls tls-1"), work(2, "--cluster-tls tls-2")]);
    all.iter().for_each(|one| one.is(0, &[&format!("complete up to {frontier}")]));
    all[0].is(0, &[&format!("digest {digest}")]);
}

#[test]
fn killed_peer_is_detected_over_tls() {
    let cluster = Cluster::new(2, 5_000);
    certificates(&cluster);
    let mut all: Vec<_> = (0..2).map(|index| cluster.start(index, &format!("--cluster-tls tls-{index}"))).collect();
    all.iter_mut().for_each(|one| wait_for_log(one, "starting workers", 1));
    all.remove(1).kill();
    all.remove(0).end("the other").is(5, &["process 1", "was lost"]);
}
