//! A store that takes long: longer in one process than in another, and longer than any timeout.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::unbounded;
use tickline::cluster::ClusterConfig;
use tickline::cluster::coordinator::Coordinator;
use tickline::cluster::handshake::{JoinRequest, PROTOCOL, Plan};
use tickline::cluster::member::join;
use tickline::cluster::peer::Mesh;

use crate::cluster::processes::addresses;

fn config(index: usize, hosts: &[String]) -> ClusterConfig {
    ClusterConfig {
        index,
        hosts: hosts.to_vec(),
        shared_settings: BTreeMap::new(),
        store: "test".to_owned(),
        tls: None,
        newest_epoch: Arc::new(|| None),
    }
}

fn request(index: usize) -> JoinRequest {
    let shared_settings = BTreeMap::new();
    JoinRequest { protocol: PROTOCOL, build: 7, processes: 3, index, shared_settings, epoch: None }
}

/// Whether every connection of a mesh brings heartbeats.
fn is_alive(mesh: Mesh) -> bool {
    let (sender, received) = unbounded();
    let peers: Vec<_> = mesh.peers.into_iter().flatten().collect();
    let number = peers.len();
    for mut peer in peers {
        let sender = sender.clone();
        // It parks when the peer is lost.
        std::thread::spawn(move || sender.send(peer.read(&mut [0; 49]).is_ok_and(|bytes| bytes > 0)));
    }
    (0..number).all(|_| received.recv_timeout(Duration::from_secs(20)) == Ok(true))
}

#[test]
fn processes_that_wait_for_the_store_are_not_lost() {
    let hosts: Vec<String> = addresses(3).iter().map(ToString::to_string).collect();
    let member = |index: usize, load: Duration| {
        let hosts = hosts.clone();
        std::thread::spawn(move || {
            let joined = join(&config(index, &hosts), request(index)).unwrap();
            std::thread::sleep(load);
            is_alive(joined.ready().unwrap())
        })
    };
    // The first one reads its shards for longer than the second one waits for a reply.
    let members = [member(1, Duration::from_secs(18)), member(2, Duration::ZERO)];
    let coordinator = Coordinator::gather(&config(0, &hosts), request(0)).unwrap();
    // The store takes its time to open the epoch.
    std::thread::sleep(Duration::from_secs(32));
    let planned = coordinator.send_plan(&Plan { epoch: 1, checkpoint: None, published: None, offsets: Vec::new() });
    let mesh = planned.ready().unwrap();
    let mine = std::thread::spawn(move || is_alive(mesh));
    assert!(members.into_iter().all(|member| member.join().unwrap()) && mine.join().unwrap());
}
