//! The table `meta`: numbers by name, such as the settings of the pipeline.

use super::error::Failure;
use super::frontier::unsigned;
use super::session::{Client, Level};
use super::values::int;

/// Replaces some of them. The write with the greatest timestamp wins; each name has timestamps of one kind.
pub async fn write(client: &Client, rows: &[(&'static str, u64)], timestamp: u64) -> Result<(), Failure> {
    let cql = "INSERT INTO meta (name, value) VALUES (?, ?) USING TIMESTAMP ?";
    let write =
        async |(name, value): &(&'static str, u64)| client.execute(cql, &(*name, int(*value), int(timestamp))).await;
    client.gather(rows, write).await.map(drop)
}

/// All of them.
pub async fn read(client: &Client) -> Result<Vec<(String, u64)>, Failure> {
    let rows: Vec<(String, i64)> = client.rows("SELECT name, value FROM meta", Level::Quorum, &()).await?;
    rows.into_iter().map(|(name, value)| Ok((name, unsigned("value", value)?))).collect()
}
