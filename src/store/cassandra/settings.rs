//! Settings of the pipeline, in the table `meta`.

use super::epoch;
use super::error::Failure;
use super::frontier::unsigned;
use super::session::{Client, Level};
use super::values::int;
use crate::store::PipelineSettings;

/// Replaces the settings. The timestamp is the epoch, so the newest epoch wins whatever the clocks say.
pub async fn write(client: &Client, ours: u64, settings: PipelineSettings) -> Result<(), Failure> {
    epoch::check(client, ours).await?;
    let cql = "INSERT INTO meta (name, value) VALUES (?, ?) USING TIMESTAMP ?";
    let write = async |(name, value): (&'static str, u64)| client.execute(cql, &(name, int(value), int(ours))).await;
    client.gather(settings.rows(), write).await.map(drop)
}

/// Reads the settings; `None` before the first start of a worker.
pub async fn read(client: &Client) -> Result<Option<PipelineSettings>, Failure> {
    let rows: Vec<(String, i64)> = client.rows("SELECT name, value FROM meta", Level::Quorum, &()).await?;
    let rows = rows.into_iter().map(|(name, value)| Ok((name, unsigned("value", value)?)));
    Ok(PipelineSettings::from_rows(rows.collect::<Result<Vec<_>, Failure>>()?))
}
