//! Which topic a client reads, by id.
//!
//! A topic that is deleted and created again keeps its name, and the client goes on with the new one without a word to
//! its user. But it asks for records by the topic's id (Kafka 3.1 and later), and takes over another id only from
//! metadata. It logs that first, so a reader that looks at its log after taking records knows whose records they are.

use std::sync::{Mutex, PoisonError};

/// Facility of the log line.
const FACILITY: &str = "METADATA";
/// The log line: `Topic NAME changed id from ID to ID`, the first of them zero at the start.
const CHANGED: &str = " changed id from ";
/// The id of a topic in a cluster without topic ids.
const NO_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// What librdkafka's `debug` setting needs so that the line is logged.
pub(super) const DEBUG: &str = "topic";

/// The ids that one client has read by: the first, and the last of any later ones.
#[derive(Debug, Default)]
pub(super) struct TopicId {
    seen: Mutex<Option<(String, Option<String>)>>,
}

/// Whose records a client has fetched so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Those of the expected topic alone.
    Expected,
    /// Perhaps those of a topic with this id.
    Another(String),
    /// Nothing was logged about it.
    Unknown,
}

impl TopicId {
    /// Reads a line of the client's log.
    pub(super) fn log(&self, facility: &str, message: &str) {
        let Some((_, ids)) = message.split_once(CHANGED).filter(|_| facility == FACILITY) else { return };
        let Some((_, id)) = ids.split_once(" to ") else { return };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *seen {
            None => *seen = Some((id.to_owned(), None)),
            Some((_, later)) => *later = Some(id.to_owned()),
        }
    }

    /// Whose records the client has fetched, where those of `expected` are wanted.
    pub(super) fn source(&self, expected: &str) -> Source {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match &*seen {
            Some((_, Some(later))) => Source::Another(later.clone()),
            Some((first, None)) if first != expected => Source::Another(first.clone()),
            None if expected != NO_ID => Source::Unknown,
            Some((_, None)) | None => Source::Expected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "UtAbs3msTKugciSkjfeJ2A";
    const B: &str = "f1b0iP1GTsCR3y4hQxUOWw";

    fn after(lines: &[(&str, &str)]) -> Source {
        let id = TopicId::default();
        for (from, to) in lines {
            id.log("METADATA", &format!("[thrd:main]: Topic t changed id from {from} to {to}"));
            id.log("METADATA", "[thrd:main]: Topic t [0] Leader 1 Epoch 0");
        }
        id.source(A)
    }

    #[test]
    fn only_the_expected_id_is_the_expected_topic() {
        assert_eq!(after(&[]), Source::Unknown);
        assert_eq!(after(&[(NO_ID, A)]), Source::Expected);
        assert_eq!(after(&[(NO_ID, B)]), Source::Another(B.to_owned()));
        assert_eq!(after(&[(NO_ID, A), (A, B)]), Source::Another(B.to_owned()));
        // A broker whose metadata is old may take it back: records of the other one may be there by then.
        assert_eq!(after(&[(NO_ID, A), (A, B), (B, A)]), Source::Another(A.to_owned()));
        assert_eq!(TopicId::default().source(NO_ID), Source::Expected, "a cluster without topic ids");
    }
}
