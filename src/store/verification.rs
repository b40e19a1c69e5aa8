//! The result of `tickline verify`, for those who were not there: rows of the table `meta`.

use std::collections::BTreeMap;

/// The last comparison of a store with its log. Times are in Unix milliseconds, 0 where there was no such run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// When it ended.
    pub ran_ms: u64,
    /// When the last one ended that found no difference.
    pub succeeded_ms: u64,
    /// Whether store and log agree.
    pub is_ok: bool,
    /// The first event time that the last successful one has compared.
    pub from_ms: u64,
    /// The frontier up to which it has.
    pub until_ms: u64,
    /// Frontier rows that matched.
    pub frontiers: u64,
    /// Rows compared; 0 when only digests were.
    pub rows: u64,
    /// Records before the log's beginning, which retention has removed.
    pub missing_records: u64,
}

impl Verification {
    /// Rows of the table.
    pub const fn rows(&self) -> [(&'static str, u64); 8] {
        [
            ("verify_ran_ms", self.ran_ms),
            ("verify_succeeded_ms", self.succeeded_ms),
            ("verify_is_ok", self.is_ok as u64),
            ("verify_from_ms", self.from_ms),
            ("verify_until_ms", self.until_ms),
            ("verify_frontiers", self.frontiers),
            ("verify_rows", self.rows),
            ("verify_missing_records", self.missing_records),
        ]
    }

    /// The result from the rows of the table; `None` unless all are present.
    pub fn from_rows(rows: impl IntoIterator<Item = (String, u64)>) -> Option<Self> {
        let rows: BTreeMap<String, u64> = rows.into_iter().collect();
        let value = |name: &str| rows.get(name).copied();
        Some(Self {
            ran_ms: value("verify_ran_ms")?,
            succeeded_ms: value("verify_succeeded_ms")?,
            is_ok: value("verify_is_ok")? == 1,
            from_ms: value("verify_from_ms")?,
            until_ms: value("verify_until_ms")?,
            frontiers: value("verify_frontiers")?,
            rows: value("verify_rows")?,
            missing_records: value("verify_missing_records")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_back() {
        let mut rows = Verification::default().rows();
        (1..).zip(&mut rows).for_each(|(at, row)| row.1 = if row.0 == "verify_is_ok" { 1 } else { at });
        let owned = || rows.map(|(name, value)| (name.to_owned(), value)).into_iter();
        assert_eq!(Verification::from_rows(owned()).unwrap().rows(), rows);
        assert_eq!(Verification::from_rows(owned().skip(1)), None);
    }
}
