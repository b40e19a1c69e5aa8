//! Connects to a cluster: contact points, TLS, login, timeouts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::retry::FallthroughRetryPolicy;

use super::address::CassandraAddress;
use super::config::{Config, SERIAL};
use super::error::Failure;
use super::retry::{RetryPolicy, backoff};

/// How long startup waits for a reachable node.
const CONNECT_MAX: Duration = Duration::from_secs(30);
/// Request timeout. A node gives up on a write after two seconds by itself.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// A session; retries until a node is reachable, within limits.
pub async fn session(address: &CassandraAddress, config: &Config, policy: RetryPolicy) -> Result<Session, Failure> {
    let limit = policy.limit(CONNECT_MAX);
    let (begun, mut pauses, mut last, mut is_logged) = (Instant::now(), backoff(), String::new(), false);
    loop {
        let left = limit.saturating_sub(begun.elapsed());
        match tokio::time::timeout(left, builder(address, config, policy).build()).await {
            Ok(Ok(session)) => {
                check_data_centre(&session, config)?;
                return Ok(session);
            }
            Ok(Err(error)) => match Failure::from(error) {
                Failure::Transient(why) => last = why,
                other => return Err(other),
            },
            Err(_) if last.is_empty() => last = "no answer".to_owned(),
            Err(_) => {}
        }
        let pause = pauses.next_pause();
        if begun.elapsed() + pause >= limit {
            let waited = limit.as_secs_f64();
            return Err(Failure::Transient(format!(
                "no Cassandra node reachable within {waited:.0} s; check that the nodes are up, the address and the \
                 credentials: {last}"
            )));
        }
        if !is_logged {
            tracing::warn!(store = %address, why = last, "no Cassandra node reachable yet; retrying");
            is_logged = true;
        }
        tokio::time::sleep(pause).await;
    }
}

/// How requests are executed: consistency, timeout, nodes.
fn profile(config: &Config, timeout: Duration) -> ExecutionProfile {
    let mut nodes = DefaultPolicy::builder().token_aware(true);
    if let Some(dc) = &config.local_dc {
        nodes = nodes.prefer_datacenter(dc.clone());
    }
    ExecutionProfile::builder()
        .consistency(config.quorum.consistency())
        .serial_consistency(Some(SERIAL.0))
        .request_timeout(Some(timeout))
        // Retries are ours: the driver gives up on errors that we wait out.
        .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
        .load_balancing_policy(nodes.build())
        .build()
}

fn builder(address: &CassandraAddress, config: &Config, policy: RetryPolicy) -> SessionBuilder {
    let timeout = policy.limit(REQUEST_TIMEOUT);
    let profile = profile(config, timeout);
    let mut builder = SessionBuilder::new()
        .known_nodes(&address.hosts)
        .default_execution_profile_handle(profile.into_handle())
        .keyspaces_to_fetch([&address.keyspace])
        .connection_timeout(timeout)
        .tcp_nodelay(true)
        .tls_context(config.tls.as_ref().map(|tls| tls.0.clone()));
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
    Err(Failure::Permanent(format!("local_dc {wanted:?} does not exist; data centres of the cluster: {known:?}")))
}

#[cfg(test)]
mod tests {
    use scylla::statement::{Consistency, SerialConsistency};

    use super::*;
    use crate::store::cassandra::config::Quorum;

    #[test]
    fn registers_are_serial_over_all_replicas() {
        for (quorum, rows) in [(Quorum::LocalQuorum, Consistency::LocalQuorum), (Quorum::Quorum, Consistency::Quorum)] {
            let config = Config { login: None, tls: None, local_dc: Some("a".to_owned()), quorum };
            let profile = profile(&config, REQUEST_TIMEOUT);
            assert_eq!(profile.get_consistency(), rows);
            assert_eq!(profile.get_serial_consistency(), Some(SerialConsistency::Serial));
        }
        assert_eq!(SERIAL.1, Consistency::Serial, "the reads that decide about them");
    }
}
