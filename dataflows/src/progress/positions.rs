//! The positions of all partitions, as the worker publishes them with each frontier and commands read them: one JSON
//! text, encoded and decoded here.
//!
//! ```text
//! [{"partition":0,"offset":12,"frontier":1700000000000,"sources":{"one":1700000000000},
//!   "read":{"offset":15,"frontier":1700000001000,"sources":{"one":1700000001000}}}]
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::progress::partition::PartitionFrontier;
use crate::progress::resume::ResumePoint;

/// How far one partition is read, and from where a restart would read it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Positions {
    /// Where a restart reads from.
    pub resume: ResumePoint,
    /// The position after the last record read. Absent in what older programs published.
    pub read: Option<ResumePoint>,
}

impl Positions {
    /// The position after the last record that is known to be read.
    pub fn read(&self) -> &ResumePoint {
        self.read.as_ref().unwrap_or(&self.resume)
    }

    /// The JSON text of all partitions.
    pub fn encode_all(all: &[Self]) -> String {
        let rows = all.iter().map(|positions| Row {
            partition: positions.resume.partition,
            place: Place::of(&positions.resume),
            read: positions.read.as_ref().map(Place::of),
        });
        serde_json::to_string(&rows.collect::<Vec<_>>()).unwrap_or_default()
    }

    /// Reads the JSON text; an empty one holds no partition.
    ///
    /// # Errors
    /// Says where the text is not of this form.
    pub fn decode_all(text: &str) -> Result<Vec<Self>, serde_json::Error> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<Row> = serde_json::from_str(text)?;
        let positions = |Row { partition, place, read }: Row| Self {
            resume: place.point(partition),
            read: read.map(|read| read.point(partition)),
        };
        Ok(rows.into_iter().map(positions).collect())
    }
}

#[derive(Serialize, Deserialize)]
struct Row {
    partition: u32,
    #[serde(flatten)]
    place: Place,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    read: Option<Place>,
}

#[derive(Serialize, Deserialize)]
struct Place {
    offset: u64,
    /// Absent before the first progress record.
    frontier: Option<u64>,
    #[serde(default)]
    sources: BTreeMap<String, u64>,
}

impl Place {
    fn of(point: &ResumePoint) -> Self {
        let sources = point.frontier.sources().map(|(name, progress_ms)| (name.to_owned(), progress_ms));
        Self { offset: point.offset, frontier: point.frontier.frontier_ms(), sources: sources.collect() }
    }

    fn point(self, partition: u32) -> ResumePoint {
        let frontier = PartitionFrontier::at(self.frontier, self.sources);
        ResumePoint { frontier, ..ResumePoint::fresh(partition, self.offset) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::partition::RecordContext;

    #[test]
    fn the_text_reads_back() {
        let mut frontier = PartitionFrontier::default();
        frontier.progress("b", 7, &RecordContext::with_defaults(None)).unwrap();
        frontier.progress("a", 9, &RecordContext::with_defaults(None)).unwrap();
        let resume = ResumePoint { frontier: frontier.clone(), ..ResumePoint::fresh(3, 12) };
        frontier.bye("b", 1_000);
        let read = ResumePoint { frontier, ..ResumePoint::fresh(3, 15) };
        let fresh = Positions { resume: ResumePoint::fresh(4, 0), read: None };
        let all = vec![Positions { resume, read: Some(read) }, fresh];
        let text = Positions::encode_all(&all);
        assert_eq!(
            text,
            concat!(
                r#"[{"partition":3,"offset":12,"frontier":7,"sources":{"a":9,"b":7},"#,
                r#""read":{"offset":15,"frontier":9,"sources":{"a":9}}},"#,
                r#"{"partition":4,"offset":0,"frontier":null,"sources":{}}]"#
            )
        );
        assert_eq!(Positions::decode_all(&text).unwrap(), all);
        assert_eq!(Positions::decode_all("").unwrap(), []);
        assert!(Positions::decode_all("{}").is_err());
    }
}
