//! Identity of the store, in the table `identity`.

use super::epoch;
use super::error::Failure;
use super::session::{Client, Level};
use super::values::int;
use crate::store::StoreIdentity;

/// Replaces the identity. The timestamp is the epoch, so the newest epoch wins whatever the clocks say.
pub async fn write(client: &Client, ours: u64, identity: &StoreIdentity) -> Result<(), Failure> {
    epoch::check(client, ours).await?;
    let cql = "INSERT INTO identity (name, value) VALUES (?, ?) USING TIMESTAMP ?";
    let write = async |(name, value): (String, String)| client.execute(cql, &(name, value, int(ours))).await;
    client.gather(identity.rows(), write).await.map(drop)
}

/// Reads the identity; `None` before the first start of a worker.
pub async fn read(client: &Client) -> Result<Option<StoreIdentity>, Failure> {
    let rows: Vec<(String, String)> = client.rows("SELECT name, value FROM identity", Level::Quorum, &()).await?;
    Ok(StoreIdentity::from_rows(rows))
}
