//! `tickline verify`: replay the log and compare every frontier row that a store holds with what comes out.

use std::collections::BTreeMap;

use dataflows::output::frontier_row::FrontierRow;

use super::UsageError;
use super::options::rows::SettingsArgs;
use super::replay::{Kind, ReplayArgs, replay};
use crate::log::address::LogAddress;
use crate::store::address::StoreAddress;
use crate::time::Moment;
use crate::time::rfc3339;

/// Recomputes everything from the log and compares it with the frontier rows of a store.
#[derive(clap::Args, Clone, Debug)]
pub struct VerifyArgs {
    /// The log: dir:PATH or kafka://HOST:PORT/TOPIC
    #[arg(long, env = "TICKLINE_LOG")]
    pub log: LogAddress,
    /// The store: sqlite:PATH or cassandra://HOST:PORT/KEYSPACE
    #[arg(long, env = "TICKLINE_STORE")]
    pub store: StoreAddress,
    /// Worker threads
    #[arg(long, env = "TICKLINE_WORKERS", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: u16,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its own type says it")]
    pub settings: SettingsArgs,
}

/// A store's frontier row that the log does not lead to: exit code 1.
#[derive(Debug, thiserror::Error)]
#[error("the store is not what the log makes: {agree} frontiers agree, and as of {at} {what}")]
struct Differs {
    agree: u64,
    at: String,
    what: String,
}

/// Runs `tickline verify`.
pub fn run(args: &VerifyArgs) -> anyhow::Result<()> {
    let mut reader = args.store.open_reader()?;
    let durable = reader.frontier()?;
    let Some(durable) = durable else {
        return Err(
            UsageError(format!("{} holds no frontier yet: let `tickline work` run on it first", args.store)).into()
        );
    };
    let kept = reader.frontiers()?.into_iter().map(|row| ((row.frontier, Kind::Kept), row));
    let mut stored: BTreeMap<_, FrontierRow> = kept.collect();
    stored.insert((durable.row.frontier, Kind::Stop), durable.row.clone());
    let replay_args = ReplayArgs {
        log: args.log.clone(),
        store: StoreAddress::None,
        workers: args.workers,
        every: super::options::duration::Duration::from_ms(1),
        from_offset: Vec::new(),
        until: Some(Moment(durable.row.frontier)),
        settings: args.settings.clone(),
    };
    let mut agree = 0;
    replay(&replay_args, vec![durable.row.frontier], |told| {
        let frontier = told.row.frontier;
        if frontier > durable.row.frontier || told.kind == Kind::Now {
            return Ok(());
        }
        let what = match stored.remove(&(frontier, told.kind)) {
            Some(theirs) if theirs == told.row => {
                agree += 1;
                return Ok(());
            }
            Some(theirs) => difference(&theirs, &told.row),
            None => "it has no row where the log makes one".into(),
        };
        Err(Differs { agree, at: rfc3339(frontier), what }.into())
    })?;
    if let Some(((frontier, _), _)) = stored.pop_first() {
        let what = "it has a row that the log does not lead to".into();
        return Err(Differs { agree, at: rfc3339(frontier), what }.into());
    }
    println!(
        "{agree} frontiers agree, the last as of {}, digest {}",
        rfc3339(durable.row.frontier),
        durable.row.digest
    );
    Ok(())
}

fn difference(theirs: &FrontierRow, ours: &FrontierRow) -> String {
    let (digest, rows) = (theirs.digest, theirs.rows);
    format!("it has digest {digest} over {rows} rows, the log makes {} over {}", ours.digest, ours.rows)
}
