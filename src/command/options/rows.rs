//! Settings that affect results, shared by every command that computes rows.

use std::path::PathBuf;

use anyhow::Context;
use dataflows::log::conditions::{BUILT_IN, ConditionTable};
use dataflows::progress::time::{ALLOWED_LATENESS_MS, MAX_AHEAD_MS, MAX_AHEAD_TRADE_MS, STEP_MS};
use dataflows::settings::{ProgressMode, SYMBOLS_MAX, Settings};

use crate::command::UsageError;
use crate::command::options::duration::Duration;
use crate::log::address::LogAddress;
use crate::log::paced::PacedLog;
use crate::log::{Log, LogError};
use crate::replay::Origin;

/// Settings that affect results.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Settings that affect results")]
pub struct SettingsArgs {
    /// Time step of progress; must divide 5s
    #[arg(long, env = "TICKLINE_STEP", default_value_t = Duration::from_ms(STEP_MS))]
    pub step: Duration,
    /// How late a trade may be and still correct its candle
    #[arg(long, env = "TICKLINE_ALLOWED_LATENESS", default_value_t = Duration::from_ms(ALLOWED_LATENESS_MS))]
    pub allowed_lateness: Duration,
    /// Reject progress further ahead than this of the trades and of the log's own time, until a trade confirms it
    #[arg(long, env = "TICKLINE_MAX_AHEAD", default_value_t = Duration::from_ms(MAX_AHEAD_MS))]
    pub max_ahead: Duration,
    /// Reject trades further ahead of the frontier than this
    #[arg(long, env = "TICKLINE_MAX_AHEAD_TRADE", default_value_t = Duration::from_ms(MAX_AHEAD_TRADE_MS))]
    pub max_ahead_trade: Duration,
    /// Reject trades of further symbols once a partition has had this many
    #[arg(long, env = "TICKLINE_SYMBOLS_MAX", default_value_t = SYMBOLS_MAX)]
    pub symbols_max: u64,
    /// For logs without progress records: the progress log that `tickline pace` writes
    #[arg(long, env = "TICKLINE_PROGRESS", value_name = "LOG", conflicts_with = "max_out_of_orderness")]
    pub progress: Option<LogAddress>,
    /// For one finished log without progress records: keep the frontier this far behind the newest trade
    #[arg(long, env = "TICKLINE_MAX_OUT_OF_ORDERNESS")]
    pub max_out_of_orderness: Option<Duration>,
    /// Count a trade with the id of an earlier one of its symbol as a duplicate, and leave it out. Ids are compared
    /// within a partition, for as long as a trade may be late
    #[arg(long, env = "TICKLINE_DEDUP")]
    pub dedup: bool,
    /// Read a topic that is compacted or whose retention is too short for a restart, although records are missing from
    /// it or will be
    #[arg(long, env = "TICKLINE_ALLOW_COMPACTED")]
    pub allow_compacted: bool,
    /// TOML file that defines by condition code which trades set prices and add volume
    #[arg(long, env = "TICKLINE_CONDITIONS", value_name = "FILE")]
    pub conditions: Option<PathBuf>,
}

impl SettingsArgs {
    /// The log that a store was made from, with these settings.
    pub fn origin(&self, log: &LogAddress, workers: u16) -> anyhow::Result<Origin> {
        let (args, log) = (self.clone(), log.clone());
        Ok(Origin::new(self.settings()?, usize::from(workers), move || args.open(&log)))
    }

    /// Opens a log, with the progress log beside it if one is given. One that removes records is an error unless it is
    /// asked for: no replay would repeat its rows.
    pub fn open(&self, log: &LogAddress) -> anyhow::Result<Box<dyn Log>> {
        let opened = log.open()?;
        self.check_cleanup(&*opened)?;
        match &self.progress {
            Some(progress) => Ok(Box::new(PacedLog::open(opened, progress)?)),
            None => Ok(opened),
        }
    }

    fn check_cleanup(&self, log: &dyn Log) -> Result<(), LogError> {
        let (cleanup, path, allowed_lateness_ms) = (log.cleanup()?, log.name(), self.allowed_lateness.ms());
        // A resume point lies the allowed lateness back, and a restart takes time.
        let too_short = cleanup.retention_ms.filter(|retention_ms| *retention_ms < 2 * allowed_lateness_ms);
        let error = match (cleanup.is_compacted, too_short) {
            (true, _) => LogError::Compacted { path },
            (false, Some(retention_ms)) => LogError::Retention { path, retention_ms, allowed_lateness_ms },
            (false, None) => return Ok(()),
        };
        if !self.allow_compacted {
            return Err(error);
        }
        tracing::warn!("rows are made from the records that are left: {error}");
        Ok(())
    }

    /// Reads the condition table and validates everything. Every error is a usage error.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        self.read().map_err(|error| UsageError(format!("{error:#}")).into())
    }

    fn read(&self) -> anyhow::Result<Settings> {
        let conditions = match &self.conditions {
            Some(path) => {
                let bad = || format!("cannot use the condition table {}", path.display());
                ConditionTable::from_toml(&std::fs::read_to_string(path).with_context(bad)?).with_context(bad)?
            }
            None => ConditionTable::from_toml(BUILT_IN)?,
        };
        let mut settings = Settings::new(conditions);
        settings.step_ms = self.step.ms();
        settings.allowed_lateness_ms = self.allowed_lateness.ms();
        settings.max_ahead_ms = self.max_ahead.ms();
        settings.max_ahead_trade_ms = self.max_ahead_trade.ms();
        settings.symbols_max = self.symbols_max;
        if self.progress.is_some() {
            settings.progress = ProgressMode::ProgressLog;
        }
        if let Some(max_out_of_orderness) = self.max_out_of_orderness {
            settings.progress =
                ProgressMode::BoundedOutOfOrderness { max_out_of_orderness_ms: max_out_of_orderness.ms() };
        }
        settings.dedup = self.dedup;
        settings.validate()?;
        Ok(settings)
    }
}
