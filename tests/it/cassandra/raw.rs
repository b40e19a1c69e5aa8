//! Direct access to a node by the driver, without the store.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::{ExecutionError, PagerExecutionError};
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::statement::{Consistency, Statement};
use scylla::value::{CqlValue, Row};
use tokio::runtime::Runtime;

/// A connection to a node with its own runtime.
pub struct Raw {
    runtime: Runtime,
    pub session: Session,
}

impl Raw {
    /// Connects without retries, with a request timeout.
    pub fn connect(address: &str, timeout: Duration) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let profile = ExecutionProfile::builder()
            .consistency(Consistency::Quorum)
            .request_timeout(Some(timeout))
            .retry_policy(std::sync::Arc::new(FallthroughRetryPolicy::new()))
            .build();
        let builder = SessionBuilder::new().known_node(address).default_execution_profile_handle(profile.into_handle());
        let session = runtime.block_on(builder.build()).unwrap();
        Self { runtime, session }
    }

    /// Runs a future of the driver.
    pub fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(what)
    }

    /// A statement that may fail.
    pub fn try_run(&self, cql: &str) -> Result<(), Box<ExecutionError>> {
        Ok(self.wait(self.session.query_unpaged(cql, ())).map(drop)?)
    }

    /// A statement that must not fail.
    pub fn run(&self, cql: &str) {
        self.try_run(cql).unwrap_or_else(|error| panic!("{cql}: {error}"));
    }

    /// The rows of a query, every value exact; nulls are shown as such.
    pub fn rows(&self, cql: &str) -> Vec<Vec<String>> {
        self.try_rows(cql).unwrap_or_else(|error| panic!("{cql}: {error}"))
    }

    /// Rows of a query; `None` if the node does not answer.
    pub fn try_rows(&self, cql: &str) -> Result<Vec<Vec<String>>, Box<PagerExecutionError>> {
        let text = |value: &Option<CqlValue>| value.as_ref().map_or("null".to_owned(), value_text);
        let row = |row: Row| row.columns.iter().map(text).collect::<Vec<String>>();
        self.wait(async {
            let pager = self.session.query_iter(Statement::new(cql).with_page_size(1_000), ()).await?;
            let rows: Vec<Row> = pager.rows_stream::<Row>().unwrap().try_collect().await.unwrap();
            Ok(rows.into_iter().map(row).collect())
        })
    }
}

/// An exact value as text, the same for types with the same meaning.
fn value_text(value: &CqlValue) -> String {
    match value {
        CqlValue::Double(double) => format!("{double:?}"),
        CqlValue::BigInt(number) => number.to_string(),
        CqlValue::Int(number) => number.to_string(),
        CqlValue::Timestamp(timestamp) => timestamp.0.to_string(),
        CqlValue::Text(text) | CqlValue::Ascii(text) => text.clone(),
        CqlValue::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        other => format!("{other:?}"),
    }
}
