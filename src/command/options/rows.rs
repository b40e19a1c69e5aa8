//! The options that decide rows, shared by every command that computes them.

use std::path::PathBuf;

use anyhow::Context;
use dataflows::log::conditions::{BUILT_IN, ConditionTable};
use dataflows::progress::time::{ALLOWED_LATENESS_MS, MAX_AHEAD_MS, STEP_MS};
use dataflows::settings::{ProgressMode, Settings};

use crate::command::UsageError;
use crate::command::options::duration::Duration;

/// What decides a row, beside the log.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "What decides the rows")]
pub struct SettingsArgs {
    /// Grain of progress; a divisor of 5s
    #[arg(long, env = "TICKLINE_STEP", default_value_t = Duration::from_ms(STEP_MS))]
    pub tick: Duration,
    /// So far behind the frontier a trade still corrects its candle
    #[arg(long, env = "TICKLINE_ALLOWED_LATENESS", default_value_t = Duration::from_ms(ALLOWED_LATENESS_MS))]
    pub allowed_lateness: Duration,
    /// Further ahead of the frontier a trade is refused
    #[arg(long, env = "TICKLINE_MAX_AHEAD", default_value_t = Duration::from_ms(MAX_AHEAD_MS))]
    pub max_ahead: Duration,
    /// For logs without progress records: the frontier is so far behind the newest trade
    #[arg(long, env = "TICKLINE_WORK_MAX_OUT_OF_ORDERNESS")]
    pub max_out_of_orderness: Option<Duration>,
    /// TOML file that says which trades set prices and add volume, by their conditions
    #[arg(long, env = "TICKLINE_CONDITIONS", value_name = "FILE")]
    pub conditions: Option<PathBuf>,
}

impl SettingsArgs {
    /// Reads the table of conditions and checks everything. What is wrong is wrong usage.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        self.read().map_err(|error| UsageError(format!("{error:#}")).into())
    }

    fn read(&self) -> anyhow::Result<Settings> {
        let text = match &self.conditions {
            Some(path) => {
                let name = path.display();
                std::fs::read_to_string(path)
                    .with_context(|| format!("the table of conditions {name} cannot be read"))?
            }
            None => BUILT_IN.to_owned(),
        };
        let mut settings = Settings::new(ConditionTable::from_toml(&text)?);
        settings.step_ms = self.tick.ms();
        settings.allowed_lateness_ms = self.allowed_lateness.ms();
        settings.max_ahead_ms = self.max_ahead.ms();
        if let Some(max_out_of_orderness) = self.max_out_of_orderness {
            settings.progress =
                ProgressMode::BoundedOutOfOrderness { max_out_of_orderness_ms: max_out_of_orderness.ms() };
        }
        settings.validate()?;
        Ok(settings)
    }
}
