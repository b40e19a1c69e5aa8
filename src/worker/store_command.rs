//! Commands from the workers to the store thread.

use dataflows::candles::operator::SnapshotPart;
use dataflows::output::frontier_row::FrontierRow;
use dataflows::output::ledger::LedgerState;
use dataflows::symbols::entry::Entry;

use super::control::messages::Part;
use crate::store::{Life, RowBatch};

/// Callback for a durable command.
pub(super) type Ack = Box<dyn FnOnce() + Send>;

/// A command to the store thread.
pub(super) enum Command {
    /// Rows to write.
    Write(RowBatch, Ack),
    /// The durable frontier, and the rows kept before it.
    Frontier { row: FrontierRow, kept: Vec<FrontierRow>, resume: String, ack: Ack },
    /// The heartbeat: when it was made, and life of the sources.
    Beat(u64, Life, Ack),
    /// The exact ledger as of a requested time.
    LedgerAt(LedgerState),
    /// The shards of one worker's part of a checkpoint.
    Shards(SnapshotPart, Ack),
    /// One worker's part of a checkpoint, whose shards are in the store.
    Part(Part),
    /// Entries of the symbol table.
    Symbols(Vec<Entry>, Ack),
}

/// Kind of a store write, as a metric label.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Rows of a batch.
    Rows,
    /// The frontier row.
    Frontier,
    /// The heartbeat.
    Heartbeat,
    /// Shards of a checkpoint.
    Shards,
    /// The commit of a checkpoint.
    Checkpoint,
    /// Entries of the symbol table.
    Symbols,
}

impl Kind {
    /// The label's value.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Frontier => "frontier",
            Self::Heartbeat => "heartbeat",
            Self::Shards => "shards",
            Self::Checkpoint => "checkpoint",
            Self::Symbols => "symbols",
        }
    }
}
