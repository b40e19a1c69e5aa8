//! Rules for Cassandra queries, so that the plugin can read the result and Grafana can draw it. Each rule returns a
//! list of errors.

use std::collections::BTreeMap;

use scylla::frame::response::result::{ColumnType, NativeType};
use scylla::value::CqlValue;
use serde_json::Value;

use crate::grafana::answer::Answer;
use crate::grafana::asked::Way;
use crate::grafana::statement::{number_after, split, table, values_of};

/// Maximum number of partitions per symbol that a query may read.
const PARTITIONS_MAX: usize = 12;
/// Maximum number of rows that a query without a partition key may read.
const SCANNED_MAX: usize = 500;
/// Maximum number of rows of a result: one page of the plugin's driver. How long a query takes is in the report and is
/// no rule, since it depends on what else the machine does.
const ROWS_MAX: usize = 5_000;

/// Rules for the query model.
pub fn of_model(model: &Value, way: Way) -> Vec<String> {
    let mut wrong = Vec::new();
    let wanted = if way == Way::Browser { "query" } else { "alert" };
    if model["queryType"] != wanted {
        wrong.push(format!("queryType is {}, not {wanted:?}: nobody would answer", model["queryType"]));
    }
    if model["rawQuery"] != true {
        wrong.push("it is not a raw query".to_owned());
    }
    for field in ["keyspace", "table", "columnTime", "columnValue", "columnId", "valueId", "filtering", "instant"] {
        if !model[field].is_null() {
            wrong.push(format!("{field} belongs to the configurator"));
        }
    }
    if model["datasource"]["type"] != "hadesarchitect-cassandra-datasource" {
        wrong.push("it is for another data source".to_owned());
    }
    wrong
}

/// Rules for the text before macros are replaced. No browser replaces variables in an alert rule.
pub fn of_text(text: &str, way: Way) -> Vec<String> {
    let mut wrong = Vec::new();
    if !text.get(..7).is_some_and(|head| head.eq_ignore_ascii_case("SELECT ")) {
        wrong.push("it does not begin with SELECT and a space".to_owned());
    }
    if text.contains(';') {
        wrong.push("it is more than one statement".to_owned());
    }
    if text.contains("ALLOW FILTERING") {
        wrong.push("it filters".to_owned());
    }
    if ["$__timeFrom(", "$__timeTo(", "$__unixEpochFrom(", "$__unixEpochTo("].iter().any(|call| text.contains(call)) {
        wrong.push("a macro takes no brackets".to_owned());
    }
    let own = ["$__timeFrom", "$__timeTo", "$__unixEpochFrom", "$__unixEpochTo"];
    let rest = own.iter().fold(text.to_owned(), |text, name| text.replace(name, ""));
    if way != Way::Browser && rest.contains('$') {
        wrong.push("only a browser would replace a variable".to_owned());
    }
    wrong
}

/// Rules for the statement sent: how much of the store it reads. `keys` are the table's partition key.
pub fn of_statement(statement: &str, keys: &[String], symbols: usize) -> Vec<String> {
    if statement.contains('$') {
        return vec![format!("nobody replaces a variable: {statement}")];
    }
    if !statement.contains(" WHERE ") {
        let most = number_after(statement, " LIMIT ").filter(|_| !statement.ends_with(" PER PARTITION LIMIT 1"));
        let bounded = statement.contains(" PER PARTITION LIMIT 1 ") && most.is_some_and(|most| most <= SCANNED_MAX);
        return if bounded { Vec::new() } else { vec!["it reads a whole table".to_owned()] };
    }
    let named = keys.iter().map(|key| values_of(statement, key).ok_or_else(|| format!("it does not bind {key}")));
    match named.collect::<Result<Vec<usize>, String>>() {
        Err(unbound) => vec![unbound],
        Ok(counts) if counts.iter().product::<usize>() > PARTITIONS_MAX * symbols.max(1) => {
            vec![format!("it touches {counts:?} partitions of {}", table(statement))]
        }
        Ok(_) => Vec::new(),
    }
}

/// How the plugin converts a type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Time,
    Number,
    Other,
    /// The whole query fails, or the value is not what it was.
    Unreadable,
}

fn kind(column: &ColumnType) -> Kind {
    use NativeType::{
        Ascii, BigInt, Boolean, Date, Double, Float, Inet, Int, SmallInt, Text, Timestamp, Timeuuid, TinyInt, Uuid,
    };
    match column {
        ColumnType::Native(Text | Ascii) => Kind::Text,
        ColumnType::Native(Timestamp) => Kind::Time,
        ColumnType::Native(BigInt | Int | SmallInt | TinyInt | Double | Float) => Kind::Number,
        ColumnType::Native(Boolean | Date | Inet | Uuid | Timeuuid) => Kind::Other,
        _ => Kind::Unreadable,
    }
}

/// Rules for the result.
pub fn of_answer(answer: &Answer) -> Vec<String> {
    let mut wrong = of_columns(&answer.columns);
    if answer.rows.is_empty() {
        wrong.push("no rows".to_owned());
    }
    for (at, (name, _)) in answer.columns.iter().enumerate() {
        if answer.rows.iter().any(|row| row[at].is_none()) {
            wrong.push(format!("{name} is null: it would be drawn as 0, or as the year 1754"));
        }
    }
    if answer.rows.len() > ROWS_MAX {
        wrong.push(format!("{} rows, at most {ROWS_MAX}", answer.rows.len()));
    }
    if wrong.is_empty() { of_order(answer) } else { wrong }
}

fn of_columns(columns: &[(String, ColumnType)]) -> Vec<String> {
    let mut wrong = Vec::new();
    let kinds: Vec<Kind> = columns.iter().map(|(_, column)| kind(column)).collect();
    let unreadable = columns.iter().filter(|(_, column)| kind(column) == Kind::Unreadable);
    wrong.extend(unreadable.map(|(name, column)| format!("the plugin cannot read {name}: {column:?}")));
    if kinds.first() != Some(&Kind::Text) {
        wrong.push("the first column, which names the series, is not a text".to_owned());
    }
    for (wanted, name) in [(Kind::Time, "timestamp"), (Kind::Number, "number")] {
        if !kinds.contains(&wanted) {
            wrong.push(format!("no {name}"));
        }
    }
    wrong
}

/// The times of each series, in the order received.
fn series(answer: &Answer) -> BTreeMap<&str, Vec<i64>> {
    let time = answer.columns.iter().position(|(_, column)| kind(column) == Kind::Time).expect("a time");
    let mut series = BTreeMap::<&str, Vec<i64>>::new();
    for row in &answer.rows {
        let of = row[0].as_ref().and_then(CqlValue::as_text).expect("a text");
        let at = row[time].as_ref().and_then(CqlValue::as_cql_timestamp).expect("a time").0;
        series.entry(of).or_default().push(at);
    }
    series
}

/// Grafana draws a series in the order of time. It sorts one that does not look so, at some fifty places.
fn of_order(answer: &Answer) -> Vec<String> {
    let mut wrong = Vec::new();
    for (of, times) in series(answer) {
        let ascending = times.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending && looks_ascending(&times) {
            wrong.push(format!("{of} is in no order, and Grafana would not see it"));
        }
        let mut sorted = times.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != times.len() {
            wrong.push(format!("{of} has a time twice"));
        }
    }
    wrong
}

fn looks_ascending(times: &[i64]) -> bool {
    let stride = (times.len() / 50).max(1);
    let seen: Vec<i64> = times.iter().copied().step_by(stride).collect();
    seen.windows(2).all(|pair| pair[0] < pair[1])
}

/// Rules for the values of a variable.
pub fn of_values(statement: &str, answer: &Answer) -> Vec<String> {
    let mut wrong = of_text(statement, Way::Alert { back_s: 0 });
    if split(statement, ",").len() > 2 || answer.columns.iter().any(|(_, column)| kind(column) != Kind::Text) {
        wrong.push("a value and its label are texts".to_owned());
    }
    if answer.rows.is_empty() || answer.rows.len() > SCANNED_MAX {
        wrong.push(format!("{} values, 1 to {SCANNED_MAX}", answer.rows.len()));
    }
    wrong
}
