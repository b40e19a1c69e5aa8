//! The options of `candles` and `indicators` for rows as of an earlier time.

use std::sync::Arc;

use anyhow::Context;
use dataflows::symbols::symbol::Symbol;

use crate::as_of::{AsOf, AsOfError, Recomputed, Recomputing, RowsThen, Wanted};
use crate::command::UsageError;
use crate::command::options::moment::Moment;
use crate::command::options::read::ReadArgs;
use crate::command::options::rows::SettingsArgs;
use crate::command::options::workers::{WORKERS, workers};
use crate::command::output::progress::while_shown;
use crate::log::address::LogAddress;
use crate::replay::Origin;
use crate::store::StoreReader;

/// Rows as of an earlier time.
#[derive(Clone, Debug, clap::Args)]
pub struct AsOfArgs {
    /// Show the rows as they were when everything before this time was complete, without what came later, in the same
    /// forms as --from. Needs --log, from which rows that have changed since are computed again
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<Moment>,
    /// With --as-of: the log that the store was made from, dir:PATH or kafka://HOST:PORT/TOPIC
    #[arg(long, env = "TICKLINE_LOG")]
    pub log: Option<LogAddress>,
    /// With --as-of: worker threads; the rows do not depend on their number
    #[arg(long, env = "TICKLINE_WORKERS", default_value_t = WORKERS, value_parser = workers())]
    pub workers: u16,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its own type says it")]
    pub settings: SettingsArgs,
}

impl AsOfArgs {
    /// The time asked for, and what the store was made from; `None` for rows as they are now. The log is required even
    /// where no row has changed since: whether a command works must not depend on what came later.
    fn origin(&self) -> anyhow::Result<Option<(Moment, Origin)>> {
        let Some(as_of) = self.as_of else { return Ok(None) };
        let Some(log) = &self.log else {
            let text = "--as-of needs --log LOG, the log that the store was made from: rows that have changed since \
                        are computed again from it";
            return Err(UsageError(text.to_owned()).into());
        };
        Ok(Some((as_of, self.settings.origin(log, self.workers)?)))
    }

    /// Rows as of the time asked for, and that time; `None` for rows as they are now.
    pub fn rows<R>(
        &self,
        args: &ReadArgs,
        reader: &mut dyn StoreReader,
        mut read: impl FnMut(AsOf, &mut dyn StoreReader, &Wanted<'_>) -> Result<Option<RowsThen<R>>, AsOfError>,
    ) -> anyhow::Result<Option<(AsOf, Vec<R>)>> {
        let Some((as_of, origin)) = self.origin()? else { return Ok(None) };
        let log = origin.open(reader)?;
        let as_of = AsOf::new(reader, &origin.settings, as_of.0)?;
        let mut read = |reader: &mut dyn StoreReader, recomputed: Option<&Recomputed>| {
            let wanted = Wanted { symbol: &args.symbol, range: args.range(), recomputed };
            let rows = read(as_of, reader, &wanted)?;
            anyhow::Ok(rows.map(|found| (as_of, found.rows.into_iter().map(|then| then.row).collect())))
        };
        let found = read(reader, None)?;
        if found.is_some() {
            return Ok(found);
        }
        let symbol = Symbol::new(&args.symbol).context("no symbol has this name")?;
        let recomputing = Recomputing::find(reader, Arc::clone(&log), symbol, as_of)?;
        let recomputed = while_shown("as of", |watch| recomputing.run(&origin, watch))?;
        read(reader, Some(&recomputed))
    }
}
