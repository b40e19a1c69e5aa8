//! The options of a process that is one of several.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::cluster::tls::Tls;
use crate::cluster::{ClusterConfig, hosts};
use crate::command::UsageError;
use crate::store::address::StoreAddress;

/// One pipeline on many processes.
#[derive(clap::Args, Clone, Debug)]
pub struct ClusterArgs {
    /// Processes that make up the pipeline, each started with the same options but --process
    #[arg(long, env = "TICKLINE_PROCESSES", default_value_t = 1, value_parser = processes())]
    pub processes: u16,
    /// The number of this process, from 0
    #[arg(long, env = "TICKLINE_PROCESS", default_value_t = 0)]
    pub process: u16,
    /// The addresses of all processes: one HOST:PORT a line, process 0 first
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
    /// How this process takes part; `None` for the only one.
    pub fn config(&self, store: &StoreAddress) -> anyhow::Result<Option<ClusterConfig>> {
        let (processes, index) = (usize::from(self.processes), usize::from(self.process));
        let usage = |text: String| anyhow::Error::from(UsageError(text));
        if index >= processes {
            return Err(usage(format!("--process {index} is none of {processes}: they are numbered from 0")));
        }
        if processes == 1 {
            return Ok(None);
        }
        let Some(path) = &self.hosts else {
            return Err(usage(format!("--processes {processes} needs --hosts FILE, with one HOST:PORT a line")));
        };
        if matches!(store, StoreAddress::Sqlite(_)) {
            return Err(usage(format!("{store} is for one process: several need a store like Cassandra")));
        }
        let asked = store.clone();
        let newest_epoch = move || asked.open_reader().ok()?.epoch().ok()?;
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
