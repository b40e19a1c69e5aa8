//! `tickline symbols`: syncs, lists and searches the symbol table, which has everything that Finnhub lists.

use clap::{Args as ClapArgs, Subcommand};

mod filter;
pub mod list;
pub mod sync;

/// Arguments of `tickline symbols`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Fetch the symbols of every stock, crypto and forex exchange, and store the changes
    Sync(sync::Args),
    /// List symbols, filtered by exchange, currency, type, market or status
    List(list::ListArgs),
    /// Search symbols and names for a text; best match first
    Search(list::SearchArgs),
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    match &args.command {
        Command::Sync(args) => sync::run(args),
        Command::List(args) => list::run_list(args),
        Command::Search(args) => list::run_search(args),
    }
}
