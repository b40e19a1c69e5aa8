//! The rejected bytes themselves, so that they can be corrected and imported again.

use dataflows::log::reject::Reason;
use dataflows::output::row::RejectedRow;

/// What was rejected: a record, or one element of a frame, so that its valid trades are not imported twice. `None` if
/// the store has kept only its beginning, or only says how many elements of a frame have no rows of their own.
pub fn original(row: &RejectedRow) -> Option<&[u8]> {
    let is_whole = row.original.len() as u64 == row.original_bytes_total && row.reason != Reason::MoreRejected;
    is_whole.then_some(&row.original)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_whole_is_an_original() {
        let row = |reason, original_bytes_total| RejectedRow {
            partition: 0,
            offset: 0,
            index: 0,
            reason,
            original: (*b"abc").into(),
            original_bytes_total,
            as_of: 0,
        };
        assert_eq!(original(&row(Reason::BadJson, 3)), Some(&b"abc"[..]));
        assert_eq!(original(&row(Reason::BadJson, 4)), None, "its end is not kept");
        assert_eq!(original(&row(Reason::MoreRejected, 3)), None);
    }
}
