//! How store and log disagree: exit code 1.

use super::frontiers::matching;

/// A disagreement of store and log.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Mismatch {
    /// The first frontier row that differs.
    #[error("store and log disagree: {}; first mismatch at {at}: {what}", matching(*.agree))]
    Frontier {
        /// Frontier rows that matched.
        agree: u64,
        /// The frontier that does not.
        at: String,
        /// Both rows.
        what: String,
    },
    /// Rows that differ.
    #[error(
        "store and log disagree in their rows: {different} different, {missing} missing in the store, {unexpected} \
         that the log does not lead to; `tickline replay --write-to NEW` makes a store that agrees"
    )]
    Rows {
        /// Rows with a value that differs.
        different: u64,
        /// Rows that the store does not hold.
        missing: u64,
        /// Rows that the replay does not produce.
        unexpected: u64,
    },
}
