//! Control records: what a source writes about its own progress. The only place that encodes and decodes them.

use std::borrow::Cow;

use super::json::{Fields, integer, text};
use crate::name_policy;
use crate::progress::partition::{PartitionFrontier, ProgressError, RecordContext, SOURCE_BYTES_MAX, is_progress_time};
use crate::progress::time::floor_step;

/// Longest cause of a gap, in bytes. A record with a longer one is rejected, never cut.
pub const CAUSE_BYTES_MAX: usize = 1024;

/// A control record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control<'a> {
    /// From here on, on-time trades of the source have this event time or a later one.
    Progress {
        /// The source.
        source: &'a str,
        /// How far the source is complete.
        event_ms: u64,
    },
    /// Trades of this span may be missing, as the source knows.
    Gap {
        /// The source.
        source: &'a str,
        /// Start of the span, in Unix milliseconds.
        from_ms: i64,
        /// End of the span, in Unix milliseconds.
        to_ms: i64,
        /// What happened, for people: at most [`CAUSE_BYTES_MAX`] bytes.
        cause: &'a str,
    },
    /// The source leaves.
    Bye {
        /// The source.
        source: &'a str,
    },
    /// An import begins or ends.
    Import {
        /// The source.
        source: &'a str,
        /// Hash of the imported content.
        hash: &'a str,
        /// Earliest event time of its trades.
        from_ms: u64,
        /// Latest event time of its trades.
        to_ms: u64,
        /// Whether the import begins or ends here.
        state: ImportState,
    },
}

impl Control<'_> {
    /// Applies the record to the frontier of its partition, where progress records move it.
    pub fn apply(&self, frontier: &mut PartitionFrontier, context: &RecordContext) -> Result<(), ProgressError> {
        let step_ms = context.step_ms;
        // The last source to leave moves the frontier past the time of this record, too.
        if let Some(ms) = frontier.frontier_ms() {
            frontier.note(floor_step(ms, step_ms));
        }
        match *self {
            Self::Progress { source, event_ms } => frontier.progress(source, event_ms, context)?,
            Self::Bye { source } => frontier.bye(source, step_ms),
            // It comes after the `bye`, and must not wait for another source either.
            Self::Import { source, state: ImportState::End, .. } => {
                frontier.arrive(source);
                frontier.rest(step_ms);
            }
            Self::Import { source, to_ms, state: ImportState::Begin, .. } => frontier.announce(source, to_ms),
            Self::Gap { source, to_ms, .. } if is_progress_time(to_ms) => frontier.announce(source, to_ms as u64),
            Self::Gap { .. } => {}
        }
        Ok(())
    }
}

/// The end of an import that a record marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportState {
    /// What follows in the partition belongs to the import.
    Begin,
    /// Everything that the import writes to the partition precedes the record.
    End,
}

impl ImportState {
    const fn name(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::End => "end",
        }
    }
}

/// A progress record: on-time trades after it in the partition have `event_ms` or a later time.
pub fn progress(source: &str, event_ms: u64) -> Vec<u8> {
    format!(r#"{{"type":"progress","source":{},"event_ms":{event_ms}}}"#, quoted(source)).into_bytes()
}

/// A gap record: trades of this span may be missing. A cause that is too long for a record ends with the number of
/// bytes that it lacks.
pub fn gap(source: &str, from_ms: u64, to_ms: u64, cause: &str) -> Vec<u8> {
    let (source, cause) = (quoted(source), quoted(&bounded(cause)));
    format!(r#"{{"type":"gap","source":{source},"from_ms":{from_ms},"to_ms":{to_ms},"cause":{cause}}}"#).into_bytes()
}

/// The cause of a gap for records that the log did not accept.
pub fn lost_cause(records: u64) -> String {
    format!("the log did not take {records} records in time")
}

/// A bye record: the source leaves, and no longer holds back the frontier.
pub fn bye(source: &str) -> Vec<u8> {
    format!(r#"{{"type":"bye","source":{}}}"#, quoted(source)).into_bytes()
}

/// Contents of an import, as its records describe them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportContent {
    /// Name for people.
    pub name: String,
    /// Hash of all records.
    pub hash: String,
    /// Number of records.
    pub records: u64,
    /// Earliest event time.
    pub from_ms: u64,
    /// Latest event time.
    pub to_ms: u64,
}

/// An import record: the import of this content begins or ends.
pub fn import(source: &str, state: ImportState, content: &ImportContent) -> Vec<u8> {
    let ImportContent { name, hash, records, from_ms, to_ms } = content;
    let (source, name, hash, state) = (quoted(source), quoted(name), quoted(hash), state.name());
    let head = format!(r#"{{"type":"import","source":{source},"state":"{state}","name":{name},"hash":{hash}"#);
    format!(r#"{head},"records":{records},"from_ms":{from_ms},"to_ms":{to_ms}}}"#).into_bytes()
}

/// A cause of at most [`CAUSE_BYTES_MAX`] bytes.
fn bounded(cause: &str) -> Cow<'_, str> {
    if cause.len() <= CAUSE_BYTES_MAX {
        return Cow::Borrowed(cause);
    }
    // Room for the number of bytes left out.
    let kept = cause.floor_char_boundary(CAUSE_BYTES_MAX - 64);
    Cow::Owned(format!("{} [{} more bytes]", &cause[..kept], cause.len() - kept))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whether records of this type have a meaning of their own, so that no text of a feed may look like one.
pub fn is_reserved(kind: &str) -> bool {
    kind == "trade" || ControlKind::from_name(kind).is_some()
}

/// Decodes the fields of a control record and passes it on; `None` when a field is missing or invalid.
pub(super) fn decode<R>(kind: ControlKind, fields: &Fields<'_>, then: impl FnOnce(Control<'_>) -> R) -> Option<R> {
    let source = text(fields.get("source")?).filter(|name| is_source(name))?;
    let (hash, cause);
    let control = match kind {
        ControlKind::Progress => {
            let event_ms = integer(fields.get("event_ms")?).filter(|&ms| is_progress_time(ms))?;
            Control::Progress { source: &source, event_ms: event_ms as u64 }
        }
        ControlKind::Gap => {
            let (from_ms, to_ms) = (integer(fields.get("from_ms")?)?, integer(fields.get("to_ms")?)?);
            cause = text(fields.get("cause")?).filter(|cause| cause.len() <= CAUSE_BYTES_MAX)?;
            Control::Gap { source: &source, from_ms, to_ms, cause: &cause }
        }
        ControlKind::Bye => Control::Bye { source: &source },
        ControlKind::Import => {
            text(fields.get("name")?)?;
            integer(fields.get("records")?).filter(|records| *records >= 0)?;
            let to_ms = integer(fields.get("to_ms")?).filter(|&ms| is_progress_time(ms))? as u64;
            let from_ms = integer(fields.get("from_ms")?).filter(|&ms| is_progress_time(ms))? as u64;
            hash = text(fields.get("hash")?)?;
            let name = text(fields.get("state")?)?;
            let state = [ImportState::Begin, ImportState::End].into_iter().find(|state| state.name() == name)?;
            Control::Import { source: &source, hash: &hash, from_ms, to_ms, state }
        }
    };
    Some(then(control))
}

/// Whether a text may be the name of a source.
fn is_source(name: &str) -> bool {
    (1..=SOURCE_BYTES_MAX).contains(&name.len()) && name_policy::check(name).is_ok()
}

/// The `type` of a control record.
#[derive(Clone, Copy, Debug)]
pub(super) enum ControlKind {
    Progress,
    Gap,
    Bye,
    Import,
}

impl ControlKind {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            "progress" => Some(Self::Progress),
            "gap" => Some(Self::Gap),
            "bye" => Some(Self::Bye),
            "import" => Some(Self::Import),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::decode::{RawTrade, Visitor, decode};
    use crate::log::reject::Reason;

    #[derive(Default)]
    struct Decoded(Vec<String>);

    impl Visitor for Decoded {
        fn trade(&mut self, _: u32, _: &RawTrade<'_>) {}

        fn control(&mut self, control: Control<'_>) {
            self.0.push(format!("{control:?}"));
        }

        fn reject(&mut self, _: u32, reason: Reason, _: &[u8]) {
            self.0.push(format!("{reason:?}"));
        }
    }

    fn content(name: &str) -> ImportContent {
        ImportContent { name: name.into(), hash: "f0".into(), records: 7, from_ms: 5, to_ms: 9 }
    }

    fn decoded(record: &[u8]) -> Vec<String> {
        let mut decoded = Decoded::default();
        decode(record, record.len() as u64, &mut decoded);
        decoded.0
    }

    #[test]
    fn control_records_are_json() {
        assert_eq!(progress("a\"b", 5), br#"{"type":"progress","source":"a\"b","event_ms":5}"#);
        assert_eq!(gap("s", 1, 2, "x"), br#"{"type":"gap","source":"s","from_ms":1,"to_ms":2,"cause":"x"}"#);
        assert_eq!(bye("s"), br#"{"type":"bye","source":"s"}"#);
        assert_eq!(
            import("s", ImportState::Begin, &content("")),
            br#"{"type":"import","source":"s","state":"begin","name":"","hash":"f0","records":7,"from_ms":5,"to_ms":9}"#
        );
    }

    #[test]
    fn control_records_decode_to_themselves() {
        for source in ["a", "a\"b\\", "ü"] {
            let expected = [
                (progress(source, 5), Control::Progress { source, event_ms: 5 }),
                (
                    gap(source, 1, 2, &lost_cause(3)),
                    Control::Gap { source, from_ms: 1, to_ms: 2, cause: "the log did not take 3 records in time" },
                ),
                (bye(source), Control::Bye { source }),
                (
                    import(source, ImportState::End, &content(source)),
                    Control::Import { source, hash: "f0", from_ms: 5, to_ms: 9, state: ImportState::End },
                ),
            ];
            for (record, control) in expected {
                assert_eq!(decoded(&record), [format!("{control:?}")]);
            }
        }
    }

    #[test]
    fn a_long_cause_is_rejected_and_never_written() {
        let record = |cause: &str| format!(r#"{{"type":"gap","source":"s","from_ms":1,"to_ms":2,"cause":"{cause}"}}"#);
        let cause = "é".repeat(CAUSE_BYTES_MAX / 2);
        let control = Control::Gap { source: "s", from_ms: 1, to_ms: 2, cause: &cause };
        assert_eq!(decoded(record(&cause).as_bytes()), [format!("{control:?}")]);
        assert_eq!(decoded(record(&format!("{cause}x")).as_bytes()), ["BadControl"]);
        let written = decoded(&gap("s", 1, 2, &format!("{cause}{cause}")));
        assert!(written[0].contains("é [1088 more bytes]"), "{written:?}");
    }

    #[test]
    fn invalid_sources_are_rejected() {
        let hidden = ["a\n", "a\u{200b}", "\u{202e}a", "a\u{e0041}"].map(str::to_owned);
        for source in [String::new(), "a".repeat(SOURCE_BYTES_MAX + 1)].into_iter().chain(hidden) {
            let import = import(&source, ImportState::Begin, &content("x"));
            for record in [progress(&source, 5), gap(&source, 1, 2, "x"), bye(&source), import] {
                assert_eq!(decoded(&record), ["BadControl"]);
            }
        }
    }
}
