//! `tickline setup`: creates topics, log directories and tables, or verifies existing ones.

use clap::Args;

use super::UsageError;
use crate::log::LogError;
use crate::log::address::LogAddress;
use crate::log::kafka::topic_setup::{self, Ensured, TopicSpec};
use crate::store::address::StoreAddress;

/// Arguments of `tickline setup`.
#[derive(Args, Clone, Debug)]
pub struct SetupArgs {
    /// The log of the trades
    #[arg(long, env = "TICKLINE_LOG", value_name = "LOG")]
    pub log: Option<LogAddress>,
    /// The log of the symbols: one partition, compacted
    #[arg(long, value_name = "LOG")]
    pub symbols: Option<LogAddress>,
    /// The mirror of rejected records
    #[arg(long, value_name = "LOG")]
    pub rejected: Option<LogAddress>,
    /// The store to create or update the schema of
    #[arg(long, env = "TICKLINE_STORE", value_name = "STORE")]
    pub store: Option<StoreAddress>,
    /// Number of partitions of the log of trades, which is the maximum number of workers; it never changes [default:
    /// 12]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub partitions: Option<u32>,
    /// Replication factor in Kafka and Cassandra; 1 for a single server
    #[arg(long, default_value_t = topic_setup::REPLICATION, value_parser = clap::value_parser!(u32).range(1..))]
    pub replication: u32,
}

/// Runs the command. Creates nothing when an existing topic has the wrong settings.
pub fn run(args: &SetupArgs) -> anyhow::Result<()> {
    let copies = Some(args.replication);
    let partitions = args.partitions;
    let trades = || TopicSpec::trades(partitions.unwrap_or(topic_setup::PARTITIONS), copies);
    let mut logs: Vec<_> = args.log.iter().map(|log| (log, partitions, trades())).collect();
    logs.extend(args.symbols.as_ref().map(|log| (log, None, TopicSpec::symbols(copies))));
    logs.extend(args.rejected.as_ref().map(|log| (log, None, TopicSpec::rejected(copies))));
    for (log, _, spec) in &logs {
        if let LogAddress::Kafka(address) = log {
            topic_setup::check(address, spec)?;
        }
    }
    for (log, partitions, spec) in &logs {
        println!("{log}: {}", set_up(log, *partitions, spec)?);
    }
    if logs.is_empty() && args.store.is_none() {
        return Err(UsageError("nothing to set up: pass --log, --store or both".to_owned()).into());
    }
    if let Some(store) = &args.store {
        store.set_up(args.replication)?;
        println!("{store}: schema is up to date");
    }
    Ok(())
}

fn set_up(log: &LogAddress, partitions: Option<u32>, spec: &TopicSpec) -> Result<&'static str, LogError> {
    let ensured = match log {
        LogAddress::Kafka(address) => topic_setup::ensure(address, spec)?,
        LogAddress::Dir(_) => {
            let ensured = if log.exists()? { Ensured::AsWanted } else { Ensured::Made };
            log.open_or_create(partitions, spec.partitions)?;
            ensured
        }
    };
    Ok(match ensured {
        Ensured::Made => "created",
        Ensured::AsWanted => "exists, settings verified",
    })
}
