//! Options of a pipeline that runs on several processes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::cluster::tls::Tls;
use crate::cluster::{ClusterConfig, hosts};
use crate::command::UsageError;
use crate::store::address::StoreAddress;

/// Place of this process in the pipeline.
#[derive(clap::Args, Clone, Debug)]
pub struct ClusterArgs {
    /// Number of processes of the pipeline; all have the same options except --process
    #[arg(long, env = "TICKLINE_PROCESSES", default_value_t = 1, value_parser = processes())]
    pub processes: u16,
    /// Index of this process, from 0
    #[arg(long, env = "TICKLINE_PROCESS", default_value_t = 0)]
    pub process: u16,
    /// File with the addresses of all processes: one HOST:PORT per line, process 0 first
    #[arg(long, env = "TICKLINE_HOSTS", value_name = "FILE")]
    pub hosts: Option<PathBuf>,
    /// Mutual TLS between the processes: a directory with ca.pem, cert.pem and key.pem
    #[arg(long, env = "TICKLINE_CLUSTER_TLS", value_name = "DIR")]
    pub cluster_tls: Option<PathBuf>,
}

fn processes() -> impl clap::builder::TypedValueParser<Value = u16> {
    clap::value_parser!(u16).range(1..=256)
}

impl ClusterArgs {
    /// Configuration of the cluster; `None` for a single process.
    pub fn config(&self, store: &StoreAddress) -> anyhow::Result<Option<ClusterConfig>> {
        let (processes, index) = (usize::from(self.processes), usize::from(self.process));
        let usage = |text: String| anyhow::Error::from(UsageError(text));
        if index >= processes {
            return Err(usage(format!("--process {index} is out of range 0..={}", processes - 1)));
        }
        if processes == 1 {
            return Ok(None);
        }
        let Some(path) = &self.hosts else {
            return Err(usage(format!("--processes {processes} needs --hosts FILE, with one HOST:PORT per line")));
        };
        if matches!(store, StoreAddress::Sqlite(_)) {
            return Err(usage(format!(
                "{store} serves a single process: --processes {processes} needs a store like Cassandra"
            )));
        }
        let reader_of = store.clone();
        let newest_epoch = move || reader_of.open_reader().ok()?.epoch().ok()?;
        Ok(Some(ClusterConfig {
            index,
            hosts: hosts::read(path, processes)?,
            shared_settings: BTreeMap::from([("store".to_owned(), store.to_string())]),
            store: store.to_string(),
            tls: self.cluster_tls.as_deref().map(Tls::load).transpose()?.map(Arc::new),
            newest_epoch: Arc::new(newest_epoch),
        }))
    }
}
