//! The keyspace and its tables: created from the file that `cqlsh` can run too, and checked against it.

use std::collections::BTreeMap;
use std::time::Duration;

use scylla::statement::Statement;

use super::address::CassandraAddress;
use super::error::Failure;
use super::retry::RetryPolicy;
use super::session::{Client, Level};
use crate::store::StoreError;

/// The file that creates the keyspace and the tables.
pub const SETUP: &str = include_str!("../../../cql/cassandra-setup.cql");

/// Schema version of this program.
const VERSION: i64 = 3;

/// Timeout for a schema change, including retries.
const SCHEMA_TIMEOUT: Duration = Duration::from_secs(60);

/// The keyspace's name in the file.
const NAME: &str = "tickline";

/// A column: its type and its role in the key (`partition_key 0`, `clustering 0 desc`, `regular`).
type Column = (String, String);

/// Columns by table and name.
type Tables = BTreeMap<String, BTreeMap<String, Column>>;

/// Creates the keyspace, with `copies` replicas of each row, and the tables, where they do not exist.
pub fn set_up(address: &CassandraAddress, copies: u32) -> Result<(), StoreError> {
    let client = Client::connect(address, RetryPolicy::Bounded(SCHEMA_TIMEOUT))?;
    let keyspace = &address.keyspace;
    client.run("cannot create the tables", async {
        for statement in statements(SETUP) {
            if statement.starts_with("USE ") {
                client.session().use_keyspace(keyspace, false).await?;
                continue;
            }
            let statement = statement
                .replace(&format!("KEYSPACE IF NOT EXISTS {NAME}"), &format!("KEYSPACE IF NOT EXISTS {keyspace}"))
                .replace("'replication_factor': 3", &format!("'replication_factor': {copies}"));
            let mut statement = Statement::new(statement);
            statement.set_request_timeout(Some(SCHEMA_TIMEOUT));
            client.retry(async || client.session().query_unpaged(statement.clone(), ()).await.map(drop)).await?;
        }
        let agreed = client.session().await_schema_agreement().await;
        agreed.map_err(|error| Failure::Transient(error.to_string()))?;
        check(&client, address).await
    })
}

/// Fails if the tables differ from those of this program; the error lists all differences.
pub async fn check(client: &Client, address: &CassandraAddress) -> Result<(), Failure> {
    let keyspace = &address.keyspace;
    let hint = format!("create them with: tickline setup --store '{address}'");
    let found = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?";
    if client.rows::<(String,)>(found, Level::Quorum, &(keyspace,)).await?.is_empty() {
        return Err(Failure::Schema(format!("keyspace {keyspace} and its tables do not exist: {hint}")));
    }
    let is = found_tables(client, keyspace).await?;
    let differs = differences(&wanted_tables(SETUP), &is);
    if !differs.is_empty() {
        let differs = differs.join("; ");
        return Err(Failure::Schema(format!(
            "its tables are not those of this program: {differs}; create missing ones with: tickline setup --store \
             '{address}'; where a column differs, use another keyspace"
        )));
    }
    let version = format!("SELECT value FROM {keyspace}.meta WHERE name = 'schema'");
    match client.rows::<(i64,)>(&version, Level::Quorum, &()).await?[..] {
        [(VERSION,)] => Ok(()),
        [(other,), ..] => Err(Failure::Schema(format!(
            "its tables have version {other}, but this program needs version {VERSION}: use the program that created \
             them, or another keyspace"
        ))),
        [] => Err(Failure::Schema(format!("its tables have no version: {hint}"))),
    }
}

/// Default time to live of each table in seconds; 0 means for ever.
pub async fn times_to_live(client: &Client, keyspace: &str) -> Result<BTreeMap<String, u64>, Failure> {
    let cql = "SELECT table_name, default_time_to_live FROM system_schema.tables WHERE keyspace_name = ?";
    let rows: Vec<(String, i32)> = client.rows(cql, Level::Quorum, &(keyspace,)).await?;
    Ok(rows.into_iter().map(|(table, seconds)| (table, u64::try_from(seconds).unwrap_or(0))).collect())
}

async fn found_tables(client: &Client, keyspace: &str) -> Result<Tables, Failure> {
    let cql = "SELECT table_name, column_name, type, kind, position, clustering_order FROM system_schema.columns \
               WHERE keyspace_name = ?";
    let rows: Vec<(String, String, String, String, i32, String)> =
        client.rows(cql, Level::Quorum, &(keyspace,)).await?;
    let mut tables = Tables::new();
    for (table, column, kind, part, position, order) in rows {
        let part = match part.as_str() {
            "clustering" => format!("clustering {position} {order}"),
            "partition_key" => format!("partition_key {position}"),
            _ => part,
        };
        tables.entry(table).or_default().insert(column, (kind, part));
    }
    Ok(tables)
}

/// Missing and differing tables and columns. Additional ones are harmless.
fn differences(wanted: &Tables, is: &Tables) -> Vec<String> {
    let mut differs = Vec::new();
    for (table, columns) in wanted {
        let Some(found) = is.get(table) else {
            differs.push(format!("table {table} is missing"));
            continue;
        };
        for (column, wanted) in columns {
            match found.get(column) {
                None => differs.push(format!("column {table}.{column} is missing")),
                Some(is) if is != wanted => differs.push(format!(
                    "column {table}.{column} is {} ({}) instead of {} ({})",
                    is.0, is.1, wanted.0, wanted.1
                )),
                Some(_) => {}
            }
        }
    }
    differs
}

/// The statements of a file, without its comments.
fn statements(cql: &str) -> Vec<String> {
    let lines: Vec<&str> = cql.lines().map(|line| line.split("--").next().unwrap_or_default().trim()).collect();
    let whole = lines.join(" ");
    whole.split(';').map(|statement| statement.trim().to_owned()).filter(|statement| !statement.is_empty()).collect()
}

/// The tables that the file creates, as `system_schema` would show them.
fn wanted_tables(cql: &str) -> Tables {
    let mut tables = Tables::new();
    for statement in statements(cql) {
        let Some(rest) = statement.strip_prefix("CREATE TABLE IF NOT EXISTS ") else { continue };
        let Some((name, rest)) = rest.split_once(" (") else { continue };
        let Some((columns, rest)) = rest.split_once("PRIMARY KEY (") else { continue };
        let key = rest.split(") WITH").next().unwrap_or_default();
        let (partition, clustering) = match key.strip_prefix('(').and_then(|key| key.split_once(')')) {
            Some(parts) => parts,
            None => (key, ""),
        };
        let names = |text: &str| -> Vec<String> {
            let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
        };
        let (partition, clustering) = (names(partition), names(clustering));
        let mut table = BTreeMap::new();
        for column in columns.split(',') {
            let Some((name, kind)) = column.trim().split_once(' ') else { continue };
            let order = if rest.contains(&format!("{name} DESC")) { "desc" } else { "asc" };
            let at = |key: &[String]| key.iter().position(|part| part == name);
            let part = match (at(&partition), at(&clustering)) {
                (Some(position), _) => format!("partition_key {position}"),
                (None, Some(position)) => format!("clustering {position} {order}"),
                (None, None) => "regular".to_owned(),
            };
            table.insert(name.to_owned(), (kind.to_owned(), part));
        }
        tables.insert(name.to_owned(), table);
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setup_file_is_parsed() {
        let tables = wanted_tables(SETUP);
        let column = |table: &str, column: &str| tables[table][column].clone();
        let of = |kind: &str, part: &str| (kind.to_owned(), part.to_owned());
        assert_eq!(tables.len(), 17);
        assert_eq!(column("candles_5s", "symbol"), of("text", "partition_key 0"));
        assert_eq!(column("candles_5s", "bucket"), of("date", "partition_key 1"));
        assert_eq!(column("candles_5s", "window_start"), of("timestamp", "clustering 0 desc"));
        assert_eq!(column("candles_5s", "as_of"), of("timestamp", "regular"));
        assert_eq!(column("rejected", "item"), of("bigint", "clustering 1 asc"));
        assert_eq!(column("gaps", "gap_start"), of("timestamp", "clustering 0 desc"));
        assert_eq!(column("gaps", "log_partition"), of("bigint", "clustering 1 asc"));
        assert_eq!(column("heartbeats", "epoch"), of("bigint", "clustering 0 desc"));
        assert_eq!(column("meta", "name"), of("text", "partition_key 0"));
        assert_eq!(tables["candles_1d"].len(), 12);
        assert_eq!(statements("a; -- b; c\n d\n;"), ["a", "d"]);
    }

    #[test]
    fn every_difference_is_reported() {
        let wanted = wanted_tables(SETUP);
        let mut is = wanted.clone();
        assert_eq!(differences(&wanted, &is), [""; 0]);
        is.remove("meta");
        is.get_mut("epochs").unwrap().remove("holder");
        is.get_mut("frontier").unwrap().get_mut("rows").unwrap().0 = "int".to_owned();
        is.get_mut("symbols").unwrap().insert("more".to_owned(), ("int".to_owned(), "regular".to_owned()));
        let expected = [
            "column epochs.holder is missing",
            "column frontier.rows is int (regular) instead of bigint (regular)",
            "table meta is missing",
        ];
        assert_eq!(differences(&wanted, &is), expected);
    }
}
