//! `tickline replay --diff STORE`: what would differ with other settings. It answers a question and proves nothing, so
//! a difference does not fail.

use std::sync::Arc;

use dataflows::progress::time::Time;
use dataflows::settings::Settings;

use super::{ReplayArgs, open};
use crate::command::UsageError;
use crate::command::compare::beginning::Beginning;
use crate::command::compare::rows::RowCheck;
use crate::command::output::format::print;
use crate::command::output::progress::while_shown;
use crate::log::{Log, first_offsets};
use crate::process::messages::note;
use crate::replay::{Kind, ReplayedRow, replay};
use crate::store::StoreReader;
use crate::store::sqlite::ExpectedRows;
use crate::time::rfc3339;
use crate::worker::WorkerConfig;
use crate::worker::identity::{self, SettingPair};

mod report;

/// Replays the log with the settings of the command line, and prints how the rows of a store differ from it.
pub fn run(args: &ReplayArgs) -> anyhow::Result<()> {
    let Some(address) = &args.diff else { return Ok(()) };
    let mut reader = address.open_reader()?;
    let Some(durable) = reader.frontier()?.map(|durable| durable.row.frontier) else {
        return Err(UsageError(format!("{address} has no frontier yet: run `tickline work` on it first")).into());
    };
    let (log, config) = open(args)?;
    let settings = config.settings.clone();
    let differing = differing_settings(&mut *reader, &settings, &*log)?;
    let beginning = beginning(&mut *reader, &settings, &*log, durable)?;
    let expected = ExpectedRows::create()?;
    let end = settings.step(durable);
    let config = WorkerConfig { until: Some(end), stops: vec![end], ..config };
    let mut reached = 0;
    let scratch = expected.writer()?;
    let each = |replayed: ReplayedRow| {
        if replayed.kind != Kind::Kept {
            reached = reached.max(replayed.row.frontier);
        }
        Ok(())
    };
    while_shown("replay", |watch| replay(Arc::clone(&log), config, None, scratch, watch, each))?;
    let frontier = reached.min(durable);
    if frontier < durable {
        note(format_args!(
            "with these settings the log leads only to {}, and the store is complete up to {}: rows that changed in \
             between are not compared",
            rfc3339(frontier),
            rfc3339(durable)
        ));
    }
    let mut check = RowCheck::new(expected, frontier, beginning, args.limit);
    check.run(&mut *reader)?;
    let report = report::Report { store: address.to_string(), log: log.name(), differing, check };
    print(&report.text(args.format)?)
}

/// Fails if the store was made from another log or by another revision. Returns the settings that differ; `None` if
/// they do, and the store does not say which.
fn differing_settings(
    reader: &mut dyn StoreReader,
    settings: &Settings,
    log: &dyn Log,
) -> anyhow::Result<Option<Vec<SettingPair>>> {
    let Some(theirs) = reader.identity()? else { return Ok(None) };
    let ours = identity::of(settings, log);
    identity::check_but_settings(&theirs, &ours, &log.name())?;
    let differing = identity::differing(&theirs, &ours);
    Ok((theirs.settings == ours.settings || !differing.is_empty()).then_some(differing))
}

/// What the log still decides, with the settings of either side.
fn beginning(
    reader: &mut dyn StoreReader,
    settings: &Settings,
    log: &dyn Log,
    frontier: Time,
) -> anyhow::Result<Beginning> {
    let theirs_ms = reader.allowed_lateness_ms()?.unwrap_or(0);
    let allowed_lateness_ms = settings.allowed_lateness_ms.max(theirs_ms);
    let widest = Settings { allowed_lateness_ms, ..settings.clone() };
    let beginning = Beginning::of(log, Beginning::gone(&first_offsets(log)?), &widest, true, frontier)?;
    beginning.missing().iter().for_each(|missing| note(format_args!("{missing}")));
    Ok(beginning)
}
