//! A direct driver session, to inspect cells and to damage tables.

use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::deserialize::row::DeserializeRow;
use scylla::deserialize::value::DeserializeValue;
use scylla::value::Row;
use tickline::store::address::StoreAddress;
use tickline::store::cassandra::address::CassandraAddress;
use tokio::runtime::Runtime;

/// Parses a Cassandra address.
pub fn address(text: &str) -> CassandraAddress {
    match text.parse().unwrap() {
        StoreAddress::Cassandra(address) => address,
        other => panic!("{other}"),
    }
}

/// A session in a keyspace.
pub struct Plain {
    runtime: Runtime,
    session: Session,
}

impl Plain {
    pub fn open(address: &CassandraAddress) -> Self {
        let runtime = Runtime::new().unwrap();
        let builder = SessionBuilder::new().known_nodes(&address.hosts).use_keyspace(&address.keyspace, false);
        let session = runtime.block_on(builder.build()).unwrap();
        Self { runtime, session }
    }

    pub fn execute(&self, cql: &str) {
        self.runtime.block_on(self.session.query_unpaged(cql, ())).unwrap_or_else(|error| panic!("{cql}: {error}"));
    }

    pub fn typed<T: for<'a> DeserializeRow<'a, 'a>>(&self, cql: &str) -> Vec<T> {
        let result = self.runtime.block_on(self.session.query_unpaged(cql, ())).unwrap();
        let rows = result.into_rows_result().unwrap();
        rows.rows::<T>().unwrap().map(Result::unwrap).collect()
    }

    pub fn rows(&self, cql: &str) -> Vec<Row> {
        self.typed(cql)
    }

    pub fn column<T: for<'a> DeserializeValue<'a, 'a>>(&self, cql: &str) -> Vec<T> {
        self.typed::<(T,)>(cql).into_iter().map(|(value,)| value).collect()
    }
}
