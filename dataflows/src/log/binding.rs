//! Bindings: what a progress log says of the partitions of the log beside it. The only place that encodes and decodes
//! them.
//!
//! ```text
//! {"type":"paces","log":"4f2a…","partitions":12}             first: the log that it is about
//! {"type":"binding","partition":3,"offset":812,"event_ms":1700000003000,"newest_ms":1700000008000}
//! ```
//! A binding says: in this partition, from this offset on, trades that are on time have this event time or a later one.
//! Offsets of a partition never fall. A reader of the two logs reads a record only once a binding lies past it, so
//! that all bindings which are about it are known. `newest_ms`, which may be missing, is for the writer alone: where it
//! continues after a restart.

use super::json::{integer, object, text};
use crate::progress::partition::is_progress_time;

/// A binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Partition of the log.
    pub partition: u32,
    /// From this offset on.
    pub offset: u64,
    /// Trades on time have this event time or a later one.
    pub event_ms: u64,
    /// The newest time that anything read before the offset counts at.
    pub newest_ms: Option<u64>,
    /// Offset of the binding itself in the progress log.
    pub place: u64,
}

/// A record of a progress log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProgressRecord {
    /// The log that it is about.
    Paces {
        /// Identity of the log; empty where it has none.
        log: String,
        /// Number of its partitions.
        partitions: u32,
    },
    /// A binding.
    Binding(Binding),
}

/// How every binding begins.
const HEAD: &[u8] = br#"{"type":"binding","#;

/// Whether a record is the beginning of a binding: what a writer leaves that is killed, or whose disk is full, in the
/// middle of it. The binding itself follows, or a later one.
pub fn is_torn(record: &[u8]) -> bool {
    (HEAD.starts_with(record) || record.starts_with(HEAD)) && object(record).is_none()
}

impl ProgressRecord {
    /// The record's bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Paces { log, partitions } => {
                let log = serde_json::Value::from(log.as_str());
                format!(r#"{{"type":"paces","log":{log},"partitions":{partitions}}}"#).into_bytes()
            }
            Self::Binding(Binding { partition, offset, event_ms, newest_ms, .. }) => {
                let newest = newest_ms.map(|ms| format!(r#","newest_ms":{ms}"#)).unwrap_or_default();
                let head = format!(r#""partition":{partition},"offset":{offset},"event_ms":{event_ms}"#);
                format!(r#"{{"type":"binding",{head}{newest}}}"#).into_bytes()
            }
        }
    }

    /// Decodes the record at offset `place`; `None` when it does not belong in a progress log.
    pub fn decode(place: u64, record: &[u8]) -> Option<Self> {
        let fields = object(record)?;
        let number = |name: &str| integer(fields.get(name)?).filter(|number| *number >= 0);
        let partition = |name: &str| number(name).and_then(|number| u32::try_from(number).ok());
        match text(fields.get("type")?)?.as_str() {
            "paces" => Some(Self::Paces { log: text(fields.get("log")?)?, partitions: partition("partitions")? }),
            "binding" => Some(Self::Binding(Binding {
                partition: partition("partition")?,
                offset: number("offset")? as u64,
                event_ms: number("event_ms").filter(|&ms| is_progress_time(ms))? as u64,
                newest_ms: fields
                    .get("newest_ms")
                    .and_then(|value| integer(value))
                    .and_then(|ms| u64::try_from(ms).ok()),
                place,
            })),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_decode_to_themselves() {
        let binding = Binding { partition: 3, offset: 812, event_ms: 1_700_000_003_000, newest_ms: Some(9), place: 7 };
        let without = Binding { newest_ms: None, ..binding };
        for record in [
            ProgressRecord::Paces { log: "a\"b".to_owned(), partitions: 12 },
            ProgressRecord::Binding(binding),
            ProgressRecord::Binding(without),
        ] {
            assert_eq!(ProgressRecord::decode(7, &record.encode()), Some(record));
        }
        assert_eq!(
            String::from_utf8(ProgressRecord::Binding(binding).encode()).unwrap(),
            r#"{"type":"binding","partition":3,"offset":812,"event_ms":1700000003000,"newest_ms":9}"#
        );
        for bad in ["", "{}", r#"{"type":"binding","partition":-1,"offset":1,"event_ms":5}"#, r#"{"type":"progress"}"#]
        {
            assert_eq!(ProgressRecord::decode(0, bad.as_bytes()), None, "{bad}");
        }
        let whole = ProgressRecord::Binding(binding).encode();
        assert!((0..whole.len()).all(|len| is_torn(&whole[..len])) && !is_torn(&whole));
        assert!(!is_torn(b"nonsense") && !is_torn(br#"{"type":"binding","partition":-1,"offset":1,"event_ms":5}"#));
    }
}
