//! What a store was made from: the log, and the settings that affect results. Commands and the dashboard compute rows
//! again from it.

use std::fmt;
use std::sync::Arc;

use dataflows::settings::Settings;

use crate::log::Log;
use crate::store::StoreReader;
use crate::worker::identity;

/// Opens the log.
type OpenLog = dyn Fn() -> anyhow::Result<Box<dyn Log>> + Send + Sync;

/// The log and the settings that a store was made from.
#[derive(Clone)]
pub struct Origin {
    open: Arc<OpenLog>,
    /// Settings that affect results.
    pub settings: Settings,
    /// Worker threads of a replay.
    pub workers: usize,
}

impl Origin {
    /// A log that is opened for each replay, so that one that is down for a while does no harm.
    pub fn new(
        settings: Settings,
        workers: usize,
        open: impl Fn() -> anyhow::Result<Box<dyn Log>> + Send + Sync + 'static,
    ) -> Self {
        Self { open: Arc::new(open), settings, workers }
    }

    /// Opens the log. Fails unless the store was made from it, with these settings.
    pub fn open(&self, reader: &mut dyn StoreReader) -> anyhow::Result<Arc<dyn Log>> {
        let log = (self.open)()?;
        if let Some(theirs) = reader.identity()? {
            identity::check(&theirs, &identity::of(&self.settings, &*log), &log.name())?;
        }
        Ok(Arc::from(log))
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin").field("workers", &self.workers).finish_non_exhaustive()
    }
}
