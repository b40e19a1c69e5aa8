//! Identity of a store, the log and settings that it was made from: rows of the table `identity`, written with the
//! first start and compared by every other.

use std::collections::BTreeMap;
use std::fmt;

/// Before the name of a setting in the table.
const SETTING: &str = "setting ";

/// Log, settings and program that a store was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreIdentity {
    /// Identity of the log; empty where it has none.
    pub log: String,
    /// Number of its partitions.
    pub partitions: u32,
    /// Fingerprint of the settings that affect results.
    pub settings: u64,
    /// Pipeline revision.
    pub revision: u64,
    /// Every setting as text, by its name, to say which differ; empty where an earlier program made the store.
    pub named: BTreeMap<String, String>,
    /// From where on its rows are there, for people, where it was not made from the whole of the log.
    pub begins: Option<String>,
}

impl StoreIdentity {
    /// Rows of the table `identity`.
    pub fn rows(&self) -> Vec<(String, String)> {
        let all = [
            ("log", self.log.clone()),
            ("partitions", self.partitions.to_string()),
            ("settings", format!("{:016x}", self.settings)),
            ("revision", self.revision.to_string()),
        ];
        let named = self.named.iter().map(|(name, value)| (format!("{SETTING}{name}"), value.clone()));
        let begins = self.begins.iter().map(|begins| ("begins".to_owned(), begins.clone()));
        all.map(|(name, value)| (name.to_owned(), value)).into_iter().chain(named).chain(begins).collect()
    }

    /// The identity from the rows of the table; `None` unless all are present and valid.
    pub fn from_rows(rows: impl IntoIterator<Item = (String, String)>) -> Option<Self> {
        let rows: BTreeMap<String, String> = rows.into_iter().collect();
        let named = |(name, value): (&String, &String)| Some((name.strip_prefix(SETTING)?.to_owned(), value.clone()));
        Some(Self {
            log: rows.get("log")?.clone(),
            partitions: rows.get("partitions")?.parse().ok()?,
            settings: u64::from_str_radix(rows.get("settings")?, 16).ok()?,
            revision: rows.get("revision")?.parse().ok()?,
            named: rows.iter().filter_map(named).collect(),
            begins: rows.get("begins").cloned(),
        })
    }
}

impl fmt::Display for StoreIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = if self.log.is_empty() { "unknown" } else { &self.log };
        write!(f, "log {log} with {} partitions", self.partitions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_back() {
        let named = BTreeMap::from([("step".to_owned(), "1 ms".to_owned())]);
        let identity = StoreIdentity {
            log: "a".to_owned(),
            partitions: 3,
            settings: 0xabc,
            revision: 7,
            named,
            begins: Some("here".to_owned()),
        };
        let rows = identity.rows();
        assert_eq!(StoreIdentity::from_rows(rows.clone()), Some(identity));
        assert_eq!(StoreIdentity::from_rows(rows.into_iter().skip(1)), None);
        assert_eq!(StoreIdentity::from_rows([]), None);
    }
}
