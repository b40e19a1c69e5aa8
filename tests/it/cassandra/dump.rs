//! All cells of a keyspace that follow from the log, with their write times, for comparison with another run and with
//! the SQLite rows of the same log.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::Value;

use crate::cassandra::raw::Raw;
use crate::shared::tables;

/// Columns of a row by name: value, write time and whether it expires.
pub type Cells = BTreeMap<String, String>;

/// Rows of a table, sorted as text.
fn table(raw: &Raw, keyspace: &str, table: &str) -> Vec<Cells> {
    let of = format!("keyspace_name = '{keyspace}' AND table_name = '{table}'");
    let query = format!("SELECT column_name, kind FROM system_schema.columns WHERE {of}");
    let columns = raw.rows(&query);
    assert!(!columns.is_empty(), "no table {keyspace}.{table}");
    let mut names = Vec::new();
    let mut asked = Vec::new();
    for column in &columns {
        let [name, kind] = &column[..] else { panic!("{column:?}") };
        names.push(name.clone());
        asked.push(name.clone());
        if kind == "regular" {
            names.extend([format!("{name} written"), format!("{name} expires")]);
            asked.extend([format!("writetime({name})"), format!("ttl({name})")]);
        }
    }
    let cells = |row: Vec<String>| {
        let cell = |(name, value): (&String, String)| {
            // The remaining time to live depends on the last write.
            let is_left = name.ends_with(" expires") && value != "null";
            (name.clone(), if is_left { "in time".to_owned() } else { value })
        };
        names.iter().zip(row).map(cell).collect::<Cells>()
    };
    let rows = raw.rows(&format!("SELECT {} FROM {keyspace}.{table}", asked.join(", ")));
    let mut rows: Vec<Cells> = rows.into_iter().map(cells).collect();
    rows.sort();
    rows
}

/// All tables that follow from the log, row by row with all cells.
pub fn dump(raw: &Raw, keyspace: &str) -> BTreeMap<String, Vec<Cells>> {
    let names = tables::ROWS.into_iter().chain(["frontier_history"]);
    names.map(|name| (name.to_owned(), table(raw, keyspace, name))).collect()
}

/// Asserts that two dumps are equal.
pub fn assert_equal(ours: &BTreeMap<String, Vec<Cells>>, theirs: &BTreeMap<String, Vec<Cells>>) {
    for (name, ours) in ours {
        let theirs = &theirs[name];
        let differs = ours.iter().zip(theirs).find(|(a, b)| a != b);
        assert!(differs.is_none(), "{name}: {differs:#?}");
        assert_eq!(ours.len(), theirs.len(), "{name}");
    }
}

/// Asserts that no cell is null, and that each row was written at once with the write time of its `as_of`.
pub fn assert_sound(dump: &BTreeMap<String, Vec<Cells>>) {
    for (name, rows) in dump {
        assert!(!rows.is_empty(), "{name} is empty");
        for row in rows {
            let written: Vec<&String> =
                row.iter().filter(|(name, _)| name.ends_with(" written")).map(|(_, v)| v).collect();
            let as_of = &row[if name == "frontier_history" { "frontier" } else { "as_of" }];
            let wanted: u64 = as_of.parse::<u64>().unwrap() * 1_000;
            assert!(written.iter().all(|us| us.parse::<u64>().is_ok_and(|us| us - wanted < 1_000)), "{name}: {row:#?}");
            assert!(written.windows(2).all(|two| two[0] == two[1]), "{name}: {row:#?}");
            assert!(row.iter().all(|(name, value)| name.ends_with(" expires") || value != "null"), "{name}: {row:#?}");
        }
    }
}

/// Asserts that the rows equal those of a SQLite store in the common columns.
pub fn assert_like_sqlite(dump: &BTreeMap<String, Vec<Cells>>, path: &Path) {
    let connection = tables::open(path);
    for (name, ours) in dump {
        // Buckets have another type, and only SQLite has the other columns.
        let statement = connection.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let columns = statement.column_names().filter(|column| !["bucket", "epoch"].contains(column));
        let columns: Vec<String> = columns.map(str::to_owned).collect();
        let mut statement = connection.prepare(&format!("SELECT {} FROM {name}", columns.join(", "))).unwrap();
        let text = |value| match value {
            Value::Null => "null".to_owned(),
            Value::Integer(number) => number.to_string(),
            Value::Real(double) => format!("{double:?}"),
            Value::Text(text) => text,
            Value::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        let row = |row: &rusqlite::Row<'_>| (0..columns.len()).map(|at| row.get(at).map(text)).collect();
        let theirs = statement.query_map([], row).unwrap().map(Result::unwrap);
        let mut theirs: Vec<Vec<String>> = theirs.collect();
        theirs.sort();
        let cell = |row: &Cells, column: &String| match column.as_str() {
            "write_us" => row["as_of written"].clone(),
            column => row[column].clone(),
        };
        let ours = ours.iter().map(|row| columns.iter().map(|column| cell(row, column)).collect());
        let mut ours: Vec<Vec<String>> = ours.collect();
        ours.sort();
        let differs = ours.iter().zip(&theirs).find(|(a, b)| a != b);
        assert!(differs.is_none() && ours.len() == theirs.len(), "{name}: {columns:?} {differs:#?}");
    }
}
