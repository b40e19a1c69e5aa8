//! Makes a session: whom to ask, over what, and how long to wait for the first answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::retry::FallthroughRetryPolicy;

use super::address::CassandraAddress;
use super::config::Config;
use super::error::Failure;
use super::session::{PAUSE_MAX, pauses};

/// So long a process waits at its start for a host that answers.
const HOSTS_AWAITED: Duration = Duration::from_secs(30);
/// So long a request may take. A node gives up on a write after two seconds by itself.
const REQUEST: Duration = Duration::from_secs(5);

/// A session; waits for a host, for a while.
pub async fn session(address: &CassandraAddress, config: &Config) -> Result<Session, Failure> {
    let (begun, mut pauses, mut said) = (Instant::now(), pauses(), false);
    loop {
        let why = match builder(address, config).build().await {
            Ok(session) => {
                check_data_centre(&session, config)?;
                return Ok(session);
            }
            Err(error) => match Failure::from(error) {
                Failure::Transient(why) => why,
                other => return Err(other),
            },
        };
        if begun.elapsed() >= HOSTS_AWAITED {
            let waited_s = HOSTS_AWAITED.as_secs();
            return Err(Failure::Transient(format!(
                "no host has answered for {waited_s} s; are the nodes up, and are address and access right? {why}"
            )));
        }
        if !said {
            tracing::warn!(store = %address, why, "no host answers yet; waiting for one");
            said = true;
        }
        tokio::time::sleep(pauses.next().unwrap_or(PAUSE_MAX)).await;
    }
}

fn builder(address: &CassandraAddress, config: &Config) -> SessionBuilder {
    let mut policy = DefaultPolicy::builder().token_aware(true);
    if let Some(dc) = &config.local_dc {
        policy = policy.prefer_datacenter(dc.clone());
    }
    let profile = ExecutionProfile::builder()
        .consistency(config.quorum.consistency())
        .serial_consistency(Some(config.quorum.serial()))
        .request_timeout(Some(REQUEST))
        // Whether to repeat is decided by us: the driver gives up on what we would wait for.
        .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
        .load_balancing_policy(policy.build())
        .build();
    let mut builder = SessionBuilder::new()
        .known_nodes(&address.hosts)
        .default_execution_profile_handle(profile.into_handle())
        .keyspaces_to_fetch([&address.keyspace])
        .connection_timeout(REQUEST)
        .tcp_nodelay(true)
        .tls_context(config.tls.clone());
    if let Some(login) = &config.login {
        builder = builder.user(&login.user, &login.password);
    }
    builder
}

fn check_data_centre(session: &Session, config: &Config) -> Result<(), Failure> {
    let Some(wanted) = &config.local_dc else { return Ok(()) };
    let state = session.get_cluster_state();
    let mut known: Vec<&str> = state.get_nodes_info().iter().filter_map(|node| node.datacenter.as_deref()).collect();
    known.sort_unstable();
    known.dedup();
    if known.contains(&wanted.as_str()) {
        return Ok(());
    }
    Err(Failure::Refused(format!("local_dc is {wanted:?}, and the cluster's data centres are {known:?}")))
}
