//! Opens a keyspace: connects, and checks that its tables are those of this program and that the consistency level fits
//! the data centres that keep it.

use super::address::CassandraAddress;
use super::error::Failure;
use super::retry::RetryPolicy;
use super::session::Client;
use super::{replicas, schema};
use crate::store::StoreError;

/// A client of a keyspace with the right tables.
pub fn open(address: &CassandraAddress, retry_policy: RetryPolicy) -> Result<Client, StoreError> {
    let client = Client::connect(address, retry_policy)?;
    client.run("cannot check the tables", async {
        schema::check(&client, address).await?;
        let centres = replicas::data_centres(client.session(), &address.keyspace);
        client.quorum.check(&centres).map_err(Failure::Schema)?;
        Ok(client.session().use_keyspace(&address.keyspace, false).await?)
    })?;
    Ok(client)
}
