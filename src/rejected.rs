//! A rejected record as a JSON object: the output of `tickline rejected`, and the records of the mirror.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dataflows::output::row::RejectedRow;
use dataflows::progress::time::Time;
use serde::Serialize;

pub mod mirror;
pub mod original;

/// A rejected record. Its JSON has no line end.
#[derive(Debug, Serialize)]
pub struct RejectedObject<'a> {
    partition: u32,
    offset: u64,
    index: u32,
    reason: &'static str,
    as_of: Time,
    original_bytes_total: u64,
    #[serde(flatten)]
    original: Original<'a>,
}

/// The kept bytes: as text if they are UTF-8, else in base64.
#[derive(Debug, Serialize)]
pub enum Original<'a> {
    /// UTF-8.
    #[serde(rename = "original")]
    Text(&'a str),
    /// Anything else.
    #[serde(rename = "original_base64")]
    Base64(String),
}

impl<'a> Original<'a> {
    /// The kept bytes of a rejected record.
    pub fn of(row: &'a RejectedRow) -> Self {
        match std::str::from_utf8(&row.original) {
            Ok(text) => Self::Text(text),
            Err(_) => Self::Base64(STANDARD.encode(&row.original)),
        }
    }
}

impl<'a> RejectedObject<'a> {
    /// The object for a row.
    pub fn of(row: &'a RejectedRow) -> Self {
        Self {
            partition: row.partition,
            offset: row.offset,
            index: row.index,
            reason: row.reason.name(),
            as_of: row.as_of,
            original_bytes_total: row.original_bytes_total,
            original: Original::of(row),
        }
    }
}

#[cfg(test)]
mod tests {
    use dataflows::log::reject::Reason;

    use super::*;

    #[test]
    fn utf8_bytes_become_text() {
        let json = |original: &[u8]| {
            let original = Box::from(original);
            let (partition, offset, index, reason) = (3, 812, 1, Reason::BadJson);
            let row =
                RejectedRow { partition, offset, index, reason, original, original_bytes_total: 70_000, as_of: 4_000 };
            serde_json::to_string(&RejectedObject::of(&row)).unwrap()
        };
        let head = r#"{"partition":3,"offset":812,"index":1,"reason":"bad_json","as_of":4000,"#;
        assert_eq!(json(b"a\n\"\xc3\xa9"), head.to_owned() + r#""original_bytes_total":70000,"original":"a\n\"é"}"#);
        // 0xff is 6 bits of ones and 2 more: `/w==`.
        assert_eq!(json(b"\xff"), head.to_owned() + r#""original_bytes_total":70000,"original_base64":"/w=="}"#);
    }
}
