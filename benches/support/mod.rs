//! Shared by the benches: made-up trades, a driver of the pure dataflow, and baselines.

pub mod baseline;
pub mod drive;
pub mod input;

use dataflows::log::conditions::{BUILT_IN, ConditionTable};
use dataflows::settings::Settings;

/// The settings of all benches: the defaults.
pub fn settings() -> Settings {
    Settings::new(ConditionTable::from_toml(BUILT_IN).expect("the built-in table is valid"))
}
