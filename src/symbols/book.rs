//! The known entries of all symbols, kept in a store's table, a symbol log, or both.
//!
//! With both, the newer entry of each symbol counts and is copied to the side that lacks it. So the next sync repairs a
//! sync that ended between the two writes, and fills a new store from an existing log.

use dataflows::symbols::entry::Entry;

use super::SyncError;
use super::merge::Entries;
use crate::log::address::LogAddress;
use crate::log::{Log, LogError, LogWriter, read_to_end, sync_all};
use crate::store::address::StoreAddress;
use crate::store::{Store, StoreError};

/// The symbol table, with its store and log.
pub struct Book {
    entries: Entries,
    store: Option<Box<dyn Store>>,
    log: Option<(Box<dyn LogWriter>, String)>,
}

impl Book {
    /// Opens store and log for writing, created if they do not exist, and reads the known entries. A topic must exist.
    pub fn open(store: Option<&StoreAddress>, log: Option<&LogAddress>) -> Result<Self, SyncError> {
        let mut book = Self { entries: Entries::new(), store: None, log: None };
        let (mut in_store, mut in_log) = (Entries::new(), Entries::new());
        if let Some(address) = store {
            book.store = Some(address.open_writer()?);
            in_store = match address.open_reader() {
                Ok(mut reader) => by_symbol(reader.symbols(&mut |_| true)?),
                // The store `none` cannot be read.
                Err(StoreError::Missing { .. }) => Entries::new(),
                Err(error) => return Err(error.into()),
            };
        }
        if let Some(address) = log {
            let writer = address.open_symbols_writer()?;
            in_log = read_log(&*address.open_symbols()?)?;
            book.log = Some((writer, address.to_string()));
        }
        let newer = |than: &Entries, of: &Entries| -> Vec<Entry> {
            let is_newer = |entry: &&Entry| than.get(entry.symbol.as_str()).is_none_or(|e| e.as_of_ms < entry.as_of_ms);
            of.values().filter(is_newer).cloned().collect()
        };
        let log_is_newer = newer(&in_store, &in_log);
        book.put_in_store(&log_is_newer)?;
        book.put_in_log(&newer(&in_log, &in_store))?;
        book.entries = in_store;
        book.entries.extend(by_symbol(log_is_newer));
        Ok(book)
    }

    /// The known entries, by symbol.
    pub fn entries(&self) -> &Entries {
        &self.entries
    }

    /// Writes changed entries durably.
    pub fn put(&mut self, changed: Vec<Entry>) -> Result<(), SyncError> {
        self.put_in_log(&changed)?;
        self.put_in_store(&changed)?;
        self.entries.extend(by_symbol(changed));
        Ok(())
    }

    fn put_in_store(&mut self, entries: &[Entry]) -> Result<(), SyncError> {
        match &mut self.store {
            Some(store) if !entries.is_empty() => Ok(store.put_symbols(entries)?),
            _ => Ok(()),
        }
    }

    fn put_in_log(&mut self, entries: &[Entry]) -> Result<(), SyncError> {
        let Some((writer, path)) = self.log.as_mut().filter(|_| !entries.is_empty()) else { return Ok(()) };
        let failed = |why: String| LogError::Failed { path: path.clone(), what: "cannot append symbols", why };
        for entry in entries {
            writer.append(0, Some(entry.symbol.as_str().as_bytes()), &entry.encode().map_err(failed)?)?;
        }
        Ok(sync_all(&mut **writer, path)?)
    }
}

fn by_symbol(entries: Vec<Entry>) -> Entries {
    entries.into_iter().map(|entry| (entry.symbol.to_string(), entry)).collect()
}

/// The newest entry of each symbol in the log.
fn read_log(log: &dyn Log) -> Result<Entries, SyncError> {
    let mut entries = Entries::new();
    read_to_end(log, 0, log.first_offset(0)?, |span, record| {
        // Compaction leaves deleted records without a value.
        if span.total_len > 0 {
            let entry = Entry::decode(record).map_err(|why| {
                let (log, offset) = (log.name(), span.offset);
                SyncError::NoSymbolLog { log, offset, why }
            })?;
            entries.insert(entry.symbol.to_string(), entry);
        }
        Ok::<_, SyncError>(())
    })?;
    Ok(entries)
}
