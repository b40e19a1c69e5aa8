//! `tickline top`: watches a store live in the terminal.

pub mod draw;
mod feed;
mod screen;
pub mod state;

use std::io::IsTerminal as _;

use dataflows::progress::time::Resolution;

use super::candles::resolution;
use crate::command::UsageError;
use crate::store::address::StoreAddress;

/// Arguments of `tickline top`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The store to watch
    #[arg(long, env = "TICKLINE_STORE", value_name = "STORE")]
    pub store: StoreAddress,
    /// Symbol to select at the start [default: the first]
    #[arg(long)]
    pub symbol: Option<String>,
    /// Resolution at the start: 5s, 1m, 5m, 1h, 1d
    #[arg(long, default_value = "1m", value_parser = resolution)]
    pub resolution: Resolution,
}

/// Runs until `q` or a signal.
pub fn run(args: &Args) -> anyhow::Result<()> {
    if !(std::io::stdout().is_terminal() && std::io::stdin().is_terminal()) {
        let text = format!(
            "top needs a terminal on standard input and output; elsewhere use `tickline status --store {0}` and \
             `tickline candles --store {0}`",
            args.store
        );
        return Err(UsageError(text).into());
    }
    let reader = args.store.open_reader()?;
    screen::run(reader, state::State::new(args.store.to_string(), args.symbol.clone(), args.resolution))
}
