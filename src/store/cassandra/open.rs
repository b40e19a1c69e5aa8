//! Opens a keyspace: connects, and checks that its tables are those of this program.

use super::address::CassandraAddress;
use super::retry::RetryPolicy;
use super::schema;
use super::session::Client;
use crate::store::StoreError;

/// A client of a keyspace with the right tables.
pub fn open(address: &CassandraAddress, retry_policy: RetryPolicy) -> Result<Client, StoreError> {
    let client = Client::connect(address, retry_policy)?;
    client.run("cannot check the tables", async {
        schema::check(&client, address).await?;
        Ok(client.session().use_keyspace(&address.keyspace, false).await?)
    })?;
    Ok(client)
}
