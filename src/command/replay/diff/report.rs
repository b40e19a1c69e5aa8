//! The result of a comparison as a table or JSON.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::command::compare::counts::Counts;
use crate::command::compare::difference::Difference;
use crate::command::compare::rows::RowCheck;
use crate::command::output::format::Format;
use crate::escape::escaped_json;
use crate::store::{Cell, RowTable};
use crate::time::rfc3339;
use crate::worker::identity::SettingPair;

/// A comparison that was made.
pub struct Report {
    /// Name of the store.
    pub store: String,
    /// Name of the log.
    pub log: String,
    /// Settings that differ; `None` if the store does not say which.
    pub differing: Option<Vec<SettingPair>>,
    /// The comparison.
    pub check: RowCheck,
}

impl Report {
    /// The report in one of the formats of reports.
    pub fn text(&self, format: Format) -> anyhow::Result<String> {
        match format {
            Format::Json => Ok(format!("{}\n", escaped_json(&serde_json::to_string_pretty(&self.json())?))),
            _ => Ok(self.table()),
        }
    }

    fn table(&self) -> String {
        let (store, log, as_of) = (&self.store, &self.log, rfc3339(self.check.frontier));
        let mut text =
            format!("rows of {store} beside a replay of {log}, as of {as_of}\nsettings: {}\n", self.settings());
        for (table, counts) in &self.check.counts {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {}: {}", table.name(), counted(counts));
        }
        for (table, counts) in &self.check.counts {
            let shown: Vec<_> = self.check.differences.of(*table).collect();
            shown.iter().for_each(|difference| text.push_str(&line(difference)));
            let left = (counts.different + counts.missing + counts.unexpected).saturating_sub(shown.len() as u64);
            if left > 0 {
                let _ = writeln!(text, "{}: {left} more (--limit N lists more of each table)", table.name());
            }
        }
        text
    }

    fn settings(&self) -> String {
        let one = |pair: &SettingPair| format!("{} {} in the store, {} here", pair.name, pair.store, pair.here);
        match &self.differing {
            None => "they differ, or may; the store does not say which".to_owned(),
            Some(differing) if differing.is_empty() => "the same".to_owned(),
            Some(differing) => differing.iter().map(one).collect::<Vec<_>>().join("; "),
        }
    }

    fn json(&self) -> Value {
        let pair = |pair: &SettingPair| json!({"name": pair.name, "store": pair.store, "replay": pair.here});
        let settings = self.differing.as_ref().map(|differing| differing.iter().map(pair).collect::<Vec<_>>());
        let tables = self.check.counts.iter().map(|(table, counts)| {
            let rows: Vec<Value> = self.check.differences.of(*table).map(object).collect();
            let value = json!({
                "equal": counts.equal,
                "only_in_store": counts.unexpected,
                "only_in_replay": counts.missing,
                "different": counts.different,
                "different_in_as_of_alone": counts.as_of_alone,
                "not_compared_changed_since": counts.changed,
                "not_compared_expired": counts.expired,
                "not_compared_undecided": counts.undecided,
                "rows": rows,
            });
            (table.name().to_owned(), value)
        });
        json!({
            "store": self.store,
            "log": self.log,
            "as_of_ms": self.check.frontier,
            "settings_that_differ": settings,
            "tables": tables.collect::<Map<_, _>>(),
        })
    }
}

/// Counts of one table, for people.
fn counted(counts: &Counts) -> String {
    let mut text = format!("{} equal", counts.equal);
    let different = match (counts.different, counts.as_of_alone) {
        (_, 0) => "different".to_owned(),
        (_, alone) => format!("different ({alone} of them in as_of alone)"),
    };
    let others = [
        (counts.different, different.as_str()),
        (counts.unexpected, "only in the store"),
        (counts.missing, "only in the replay"),
        (counts.changed, "not compared (changed in the store since)"),
        (counts.expired, "not compared (removed after the table's time to live)"),
        (counts.undecided, "not compared (they depend on records that the log no longer has)"),
    ];
    for (count, what) in others.into_iter().filter(|(count, _)| *count > 0) {
        let _ = write!(text, "; {count} {what}");
    }
    text
}

/// A row that differs: the values as the store has them and as the replay does, or all values of a row of one side.
fn line(difference: &Difference) -> String {
    let (table, key) = (difference.table.name(), difference.key());
    let what = match (&difference.stored, &difference.replayed) {
        (Some(row), None) => format!("only in the store: {}", values(difference.table, row)),
        (None, Some(row)) => format!("only in the replay: {}", values(difference.table, row)),
        _ => {
            let one = |(name, stored, replayed)| format!("{name} {stored} -> {replayed}");
            difference.columns().into_iter().map(one).collect::<Vec<_>>().join(", ")
        }
    };
    format!("{table} {key}: {what}\n")
}

fn values(table: RowTable, row: &[Cell]) -> String {
    let named = table.columns().into_iter().zip(row).skip(table.key().len());
    named.map(|(name, cell)| format!("{name} {cell}")).collect::<Vec<_>>().join(", ")
}

fn object(difference: &Difference) -> Value {
    let side = |row: &Option<Vec<Cell>>| {
        row.as_ref().map(|row| {
            let named = difference.table.columns().into_iter().zip(row);
            named.map(|(name, cell)| (name, value(cell))).collect::<Map<_, _>>()
        })
    };
    json!({"store": side(&difference.stored), "replay": side(&difference.replayed)})
}

/// A value as JSON; bytes that are not UTF-8 in base64.
fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Int(value) => json!(value),
        Cell::Double(value) => json!(value),
        Cell::Text(text) => json!(text),
        Cell::Blob(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => json!(text),
            Err(_) => json!({"base64": STANDARD.encode(bytes)}),
        },
    }
}
