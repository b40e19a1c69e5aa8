//! The commands, one module each: a struct of arguments, and `run`.

pub mod candles;
pub mod checkpoint;
pub mod cli;
pub mod completions;
pub mod config_file;
pub mod dashboard;
pub mod demo;
pub mod import;
pub mod indicators;
pub mod ingest;
pub mod man;
pub mod options;
pub(crate) mod output;
pub mod rejected;
pub mod replay;
mod resume;
pub mod setup;
pub mod simulate;
pub mod source;
pub mod status;
pub mod symbols;
pub mod top;
pub mod verify;
pub mod work;

use crate::cluster::ClusterError;
use crate::finnhub::error::SocketError;
use crate::log::LogError;
use crate::process::supervisor::NotRestarted;
use crate::store::StoreError;
use crate::symbols::SyncError;
use crate::worker::WorkerError;

/// The command was called in a way that cannot work.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// The exit code of a process that ends with this error: 2 usage, 3 data lost, 4 fenced, 1 the rest.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    let of_cause = |cause: &(dyn std::error::Error + 'static)| {
        let log = cause.downcast_ref::<LogError>().map(LogError::exit_code);
        let store = cause.downcast_ref::<StoreError>().map(StoreError::exit_code);
        let worker = cause.downcast_ref::<WorkerError>().map(WorkerError::exit_code);
        let cluster = cause.downcast_ref::<ClusterError>().map(ClusterError::exit_code);
        let supervised = cause.downcast_ref::<NotRestarted>().map(|ended| ended.exit_code);
        let sync = cause.downcast_ref::<SyncError>().map(SyncError::exit_code);
        let feed = cause.downcast_ref::<SocketError>().map(SocketError::exit_code);
        log.or(store)
            .or(worker)
            .or(cluster)
            .or(supervised)
            .or(feed)
            .or(sync)
            .or(cause.downcast_ref::<UsageError>().map(|_| 2))
    };
    error.chain().find_map(of_cause).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn the_cause_decides_the_exit_code_under_any_context() {
        let usage = Err::<(), _>(UsageError("no".into())).context("while reading").unwrap_err();
        assert_eq!(exit_code(&usage), 2);
        let fenced = StoreError::Fenced { path: "x".into(), ours: 1, theirs: 2 };
        assert_eq!(exit_code(&anyhow::Error::from(fenced).context("a").context("b")), 4);
        assert_eq!(exit_code(&anyhow::anyhow!("else")), 1);
    }
}
