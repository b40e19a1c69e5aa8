//! A store belongs to one log, settings and pipeline revision: every start proves that before it writes a row.

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
    if theirs.partitions != ours.partitions {
        return Err(WorkerError::Partitions { log: ours.partitions, checkpoint: theirs.partitions });
    }
    if theirs.revision != ours.revision {
        return Err(WorkerError::Revision { store: theirs.revision, program: ours.revision });
    }
    if theirs.settings != ours.settings {
        return Err(WorkerError::SettingsChanged);
    }
    Ok(())
}

/// Fails unless the store was made from this log, whatever progress log is beside it.
pub fn check_log(theirs: &StoreIdentity, log: &dyn Log) -> Result<(), WorkerError> {
    let theirs_log = theirs.log.split_once(PACED_BY).map_or(theirs.log.as_str(), |(log, _)| log);
    let theirs = StoreIdentity { log: theirs_log.to_owned(), ..*theirs };
    let ours = StoreIdentity { log: log.identity(), partitions: log.partitions(), ..theirs };
    check(&theirs, &ours, &log.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit_code::ExitCode as _;

    #[test]
    fn a_store_belongs_to_one_log_settings_and_revision() {
        let ours = StoreIdentity { log: "a".to_owned(), partitions: 3, settings: 5, revision: 7 };
        let code = |theirs: StoreIdentity| check(&theirs, &ours, "dir:x").map_err(|error| error.exit_code());
        assert_eq!(code(ours.clone()), Ok(()));
        assert_eq!(code(StoreIdentity { log: String::new(), ..ours.clone() }), Ok(()));
        assert_eq!(code(StoreIdentity { log: "b".to_owned(), ..ours.clone() }), Err(3));
        assert_eq!(code(StoreIdentity { partitions: 4, ..ours.clone() }), Err(3));
        assert_eq!(code(StoreIdentity { settings: 6, ..ours.clone() }), Err(2));
        assert_eq!(code(StoreIdentity { revision: 8, ..ours.clone() }), Err(2));
        assert_eq!(code(StoreIdentity { revision: 6, settings: 6, ..ours.clone() }), Err(2));
    }
}
