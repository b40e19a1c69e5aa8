//! `tickline rejected list|export`: rejected records with position, reason and bytes.

use clap::{Args as ClapArgs, Subcommand};
use dataflows::log::reject::Reason;
use dataflows::output::row::RejectedRow;

use crate::store::RejectedRange;
use crate::store::address::StoreAddress;

pub mod export;
pub mod list;

/// Rows per page; each has at most 64 KiB.
const PAGE_ROWS: usize = 128;

/// Arguments of `tickline rejected`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Args {
    /// The subcommand.
    #[command(subcommand)]
    pub command: Verb,
}

/// The subcommands.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// List rejected records
    List(list::ListArgs),
    /// Export rejected records to a file, one JSON object per line
    Export(export::ExportArgs),
}

/// Filters of rejected records.
#[derive(Clone, Debug, ClapArgs)]
pub struct Which {
    /// The store to read
    #[arg(long, env = "TICKLINE_STORE", value_name = "STORE")]
    pub store: StoreAddress,
    /// Only records rejected for this reason, as `tickline status` names it
    #[arg(long, value_parser = reason)]
    pub reason: Option<Reason>,
    /// Only records of this partition
    #[arg(long)]
    pub partition: Option<u32>,
    /// Only records from this offset on, in each partition
    #[arg(long, value_name = "OFFSET", default_value_t = 0)]
    pub from_offset: u64,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    match &args.command {
        Verb::List(args) => list::run(args),
        Verb::Export(args) => export::run(args),
    }
}

/// Parser of a reason.
fn reason(text: &str) -> Result<Reason, String> {
    Reason::from_name(text)
        .ok_or_else(|| format!("invalid reason {text:?}: expected one of {}", Reason::ALL.map(Reason::name).join(", ")))
}

impl Which {
    /// Calls `each` with the first `limit` records in order, and holds one page of them at a time.
    fn each(&self, limit: usize, mut each: impl FnMut(&RejectedRow) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let mut reader = self.store.open_reader()?;
        let Self { partition, from_offset, reason, .. } = *self;
        let (mut after, mut left) = (None, limit);
        while left > 0 {
            let limit = left.min(PAGE_ROWS);
            let page = reader.rejected(&RejectedRange { after, partition, from_offset, reason, limit })?;
            page.iter().try_for_each(&mut each)?;
            let Some(last) = page.last().filter(|_| page.len() == limit) else { break };
            after = Some((last.partition, last.offset, last.index));
            left -= page.len();
        }
        Ok(())
    }
}
