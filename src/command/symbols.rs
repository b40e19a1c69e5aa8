//! `tickline symbols`: the directory of everything that Finnhub lists, and how to find something in it.

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
    /// Ask Finnhub for the symbols of every stock, crypto and forex exchange, and keep what has changed
    Sync(sync::Args),
    /// The symbols of the directory, or those of an exchange, a currency, a kind
    List(list::ListArgs),
    /// Symbols whose symbol or name holds a text; the best match first
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
