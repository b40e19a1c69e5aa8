//! A store belongs to one log, settings and pipeline revision: every start proves that before it writes a row.

use std::collections::{BTreeMap, BTreeSet};

use dataflows::settings::{PIPELINE_REVISION, Settings};

use super::WorkerError;
use crate::log::paced::PACED_BY;
use crate::log::{Log, LogError};
use crate::store::StoreIdentity;

/// Identity of a store that is made from this log with these settings by this program.
pub fn of(settings: &Settings, log: &dyn Log) -> StoreIdentity {
    StoreIdentity {
        log: log.identity(),
        partitions: log.partitions(),
        settings: settings.fingerprint(),
        revision: PIPELINE_REVISION,
        named: settings.named().into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        begins: None,
    }
}

/// Fails unless the store was made from this log, with these settings and by this revision.
pub fn check(theirs: &StoreIdentity, ours: &StoreIdentity, log: &str) -> Result<(), WorkerError> {
    let are_known = !theirs.log.is_empty() && !ours.log.is_empty();
    if are_known && theirs.log != ours.log {
        let hint = "the store was made from another log; use the right log, or a new store";
        let (was, is) = (theirs.log.clone(), ours.log.clone());
        return Err(LogError::Replaced { path: log.to_owned(), was, is, hint }.into());
    }
    if theirs.begins != ours.begins {
        let whole = || "the beginning of the log".to_owned();
        let begins = |identity: &StoreIdentity| identity.begins.clone().unwrap_or_else(whole);
        return Err(WorkerError::Part { store: begins(theirs), here: begins(ours) });
    }
    if theirs.partitions != ours.partitions {
        return Err(WorkerError::Partitions { log: ours.partitions, checkpoint: theirs.partitions });
    }
    if theirs.revision != ours.revision {
        return Err(WorkerError::Revision { store: theirs.revision, program: ours.revision });
    }
    if theirs.settings != ours.settings {
        return Err(WorkerError::SettingsChanged { which: which_settings(theirs, ours) });
    }
    Ok(())
}

/// A setting that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingPair {
    /// Name of its option.
    pub name: String,
    /// As the store was made.
    pub store: String,
    /// Of this run.
    pub here: String,
}

/// The settings that differ, as far as the store says them; a progress log is one of them.
pub fn differing(theirs: &StoreIdentity, ours: &StoreIdentity) -> Vec<SettingPair> {
    let value =
        |named: &BTreeMap<String, String>, name: &str| named.get(name).map_or("unknown", String::as_str).to_owned();
    let names: BTreeSet<&String> = theirs.named.keys().chain(ours.named.keys()).collect();
    let pairs = names.into_iter().map(|name| SettingPair {
        name: name.clone(),
        store: value(&theirs.named, name),
        here: value(&ours.named, name),
    });
    let mut differing: Vec<_> = pairs.filter(|pair| pair.store != pair.here).collect();
    // Without the names nothing says which.
    if theirs.named.is_empty() {
        differing.clear();
    }
    if let ((_, Some(store)), (_, Some(here))) = (parts(&theirs.log), parts(&ours.log))
        && store != here
    {
        differing.push(SettingPair { name: "progress".to_owned(), store: store.to_owned(), here: here.to_owned() });
    }
    differing
}

/// The settings that differ, for people.
pub fn which_settings(theirs: &StoreIdentity, ours: &StoreIdentity) -> String {
    let pairs: Vec<_> = differing(theirs, ours);
    if pairs.is_empty() {
        return "the store does not say which".to_owned();
    }
    let one = |pair: &SettingPair| format!("{}: {} there, {} here", pair.name, pair.store, pair.here);
    pairs.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// A log's identity and that of the progress log beside it.
fn parts(log: &str) -> (&str, Option<&str>) {
    log.split_once(PACED_BY).map_or((log, None), |(log, progress)| (log, Some(progress)))
}

/// Fails unless the store was made from this log by this revision, with whatever settings.
pub fn check_but_settings(theirs: &StoreIdentity, ours: &StoreIdentity, log: &str) -> Result<(), WorkerError> {
    let bare = |identity: &StoreIdentity| StoreIdentity {
        log: parts(&identity.log).0.to_owned(),
        settings: 0,
        ..identity.clone()
    };
    check(&bare(theirs), &bare(ours), log)
}

/// Fails unless the store was made from this log, whatever progress log is beside it.
pub fn check_log(theirs: &StoreIdentity, log: &dyn Log) -> Result<(), WorkerError> {
    let theirs = StoreIdentity { log: parts(&theirs.log).0.to_owned(), ..theirs.clone() };
    let ours = StoreIdentity { log: log.identity(), partitions: log.partitions(), ..theirs.clone() };
    check(&theirs, &ours, &log.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit_code::ExitCode as _;

    #[test]
    fn a_store_belongs_to_one_log_settings_and_revision() {
        let named = BTreeMap::from([("step".to_owned(), "1 ms".to_owned())]);
        let ours = StoreIdentity { log: "a".to_owned(), partitions: 3, settings: 5, revision: 7, named, begins: None };
        let code = |theirs: StoreIdentity| check(&theirs, &ours, "dir:x").map_err(|error| error.exit_code());
        assert_eq!(code(ours.clone()), Ok(()));
        assert_eq!(code(StoreIdentity { log: String::new(), ..ours.clone() }), Ok(()));
        assert_eq!(code(StoreIdentity { log: "b".to_owned(), ..ours.clone() }), Err(3));
        assert_eq!(code(StoreIdentity { partitions: 4, ..ours.clone() }), Err(3));
        assert_eq!(code(StoreIdentity { settings: 6, ..ours.clone() }), Err(2));
        assert_eq!(code(StoreIdentity { begins: Some("later".to_owned()), ..ours.clone() }), Err(2));
        assert_eq!(code(StoreIdentity { revision: 8, ..ours.clone() }), Err(2));
        assert_eq!(code(StoreIdentity { revision: 6, settings: 6, ..ours.clone() }), Err(2));
    }
}
