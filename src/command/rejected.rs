//! `tickline rejected list|export`: what was refused, where it was, why, and its bytes.

use clap::{Args as ClapArgs, Subcommand};
use dataflows::log::reject::Reason;
use dataflows::output::row::RejectedRow;

use crate::store::RejectedRange;
use crate::store::address::StoreAddress;

pub mod export;
pub mod list;

/// Rows that are read at once; each holds 64 KiB at most.
const PAGE_ROWS: usize = 128;

/// Arguments of `tickline rejected`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Args {
    /// What to do with them.
    #[command(subcommand)]
    pub command: Verb,
}

/// What can be done with refused records.
#[derive(Clone, Debug, Subcommand)]
pub enum Verb {
    /// Show them
    List(list::ListArgs),
    /// Write them to a file, one JSON object a line
    Export(export::ExportArgs),
}

/// Which refused records are wanted.
#[derive(Clone, Debug, ClapArgs)]
pub struct Which {
    /// The store to read
    #[arg(long, env = "TICKLINE_STORE", value_name = "STORE")]
    pub store: StoreAddress,
    /// Only those refused for this reason, as `tickline status` names it
    #[arg(long, value_parser = reason)]
    pub reason: Option<Reason>,
    /// Only those of this partition
    #[arg(long)]
    pub partition: Option<u32>,
    /// Only those with this offset or a later one, in each partition
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

/// Reads the name of a reason.
fn reason(text: &str) -> Result<Reason, String> {
    Reason::from_name(text).ok_or_else(|| format!("the reasons are {}", Reason::ALL.map(Reason::name).join(", ")))
}

impl Which {
    /// Hands over the first `limit` of them in order, without ever holding many.
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
