//! Driver session with its own runtime: prepared statements, retries, concurrent requests.
//!
//! The driver does not retry. Every statement here may be repeated: rows are absolute, and the stored value decides the
//! outcome of a lightweight transaction.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use scylla::client::session::Session;
use scylla::deserialize::row::DeserializeRow;
use scylla::errors::ExecutionError;
use scylla::response::PagingState;
use scylla::response::query_result::QueryResult;
use scylla::serialize::row::SerializeRow;
use scylla::statement::bound::BoundStatement;
use scylla::statement::prepared::PreparedStatement;
use tokio::runtime::Runtime;

use super::address::CassandraAddress;
use super::concurrency::ConcurrencyLimit;
use super::config::{Config, Quorum, SERIAL};
use super::connect;
use super::error::Failure;
use super::retry::{RetryPolicy, backoff};
use crate::retry::Backoff;
use crate::store::StoreError;

/// Minimum interval between "waiting for the store" log lines.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Consistency of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// The configured level.
    Quorum,
    /// Includes lightweight transactions in flight.
    Serial,
}

/// Limits of a paged query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pages {
    /// Maximum number of rows; the first are kept.
    pub most: usize,
    /// Page size.
    pub rows: i32,
}

impl Pages {
    /// All rows, in pages of moderate size.
    pub const ALL: Self = Self { most: usize::MAX, rows: 2_000 };
}

/// A driver session and its state.
pub struct Client {
    /// Taken by `drop`.
    runtime: Option<Runtime>,
    session: Session,
    name: String,
    /// Consistency of rows.
    pub quorum: Quorum,
    retry_policy: RetryPolicy,
    prepared: Mutex<HashMap<(String, Level), PreparedStatement>>,
    concurrency: Mutex<ConcurrencyLimit>,
    waiting: Mutex<Waiting>,
    /// Counter of retried requests.
    pub retries: Arc<AtomicU64>,
}

/// State of the "waiting for the store" log lines.
#[derive(Debug, Default)]
struct Waiting {
    since: Option<Instant>,
    logged: Option<Instant>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("name", &self.name).finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Client {
    /// Connects, without checking any keyspace.
    pub fn connect(address: &CassandraAddress, retry_policy: RetryPolicy) -> Result<Self, StoreError> {
        let config = Config::read(address)?;
        let name = address.to_string();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("cassandra")
            .enable_all()
            .build()
            .map_err(|error| Failure::Permanent(error.to_string()).at(&name, "cannot start a thread"))?;
        let session = match runtime.block_on(connect::session(address, &config, retry_policy)) {
            Ok(session) => session,
            Err(failure) => {
                // A plain drop would wait for a name that is still being resolved.
                runtime.shutdown_background();
                return Err(failure.at(&name, "cannot connect"));
            }
        };
        Ok(Self {
            runtime: Some(runtime),
            session,
            name,
            quorum: config.quorum,
            retry_policy,
            prepared: Mutex::default(),
            concurrency: Mutex::default(),
            waiting: Mutex::default(),
            retries: Arc::default(),
        })
    }

    /// The driver's session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Runs to the end on this thread; an error says where it failed.
    pub fn run<T>(&self, what: &'static str, work: impl Future<Output = Result<T, Failure>>) -> Result<T, StoreError> {
        let Some(runtime) = &self.runtime else {
            return Err(Failure::Permanent("the session is closed".to_owned()).at(&self.name, what));
        };
        let work = async {
            let RetryPolicy::Deadline(end) = self.retry_policy else { return work.await };
            let why = "the store has not answered in time; check that its nodes are up";
            tokio::time::timeout_at(end.into(), work).await.unwrap_or_else(|_| Err(Failure::Transient(why.to_owned())))
        };
        // The caller may be a task of another runtime, which gives way here.
        let done = tokio::task::block_in_place(|| runtime.block_on(work));
        done.map_err(|failure| failure.at(&self.name, what))
    }

    /// A prepared statement, from the cache if possible.
    pub async fn prepare(&self, cql: &str, level: Level) -> Result<PreparedStatement, Failure> {
        let key = (cql.to_owned(), level);
        if let Some(prepared) = locked(&self.prepared).get(&key) {
            return Ok(prepared.clone());
        }
        let mut prepared = self.retry(async || Ok(self.session.prepare(cql).await?)).await?;
        prepared.set_is_idempotent(true);
        if level == Level::Serial {
            prepared.set_consistency(SERIAL.1);
        }
        locked(&self.prepared).insert(key, prepared.clone());
        Ok(prepared)
    }

    /// Binds values to a statement.
    pub async fn bind(&self, cql: &str, level: Level, values: &impl SerializeRow) -> Result<BoundStatement, Failure> {
        let prepared = self.prepare(cql, level).await?;
        prepared.bind(values).map_err(|error| Failure::Permanent(error.to_string()))
    }

    /// Executes a statement until it is acknowledged.
    pub async fn execute(&self, cql: &str, values: &impl SerializeRow) -> Result<(), Failure> {
        let bound = self.bind(cql, Level::Quorum, values).await?;
        self.retry(async || self.session.execute_bound_unpaged(&bound).await.map(drop)).await
    }

    /// Executes once, without retries: for lightweight transactions, whose outcome the stored value decides.
    pub async fn execute_once(&self, cql: &str, values: &impl SerializeRow) -> Result<QueryResult, Failure> {
        let bound = self.bind(cql, Level::Quorum, values).await?;
        Ok(self.session.execute_bound_unpaged(&bound).await?)
    }

    /// All rows of a query, page by page.
    pub async fn rows<T>(&self, cql: &str, level: Level, values: &impl SerializeRow) -> Result<Vec<T>, Failure>
    where
        T: for<'a> DeserializeRow<'a, 'a>,
    {
        self.read(cql, level, values, Pages::ALL).await
    }

    /// Rows of a query, with limits.
    pub async fn read<T>(
        &self,
        cql: &str,
        level: Level,
        values: &impl SerializeRow,
        pages: Pages,
    ) -> Result<Vec<T>, Failure>
    where
        T: for<'a> DeserializeRow<'a, 'a>,
    {
        let mut all = Vec::new();
        let page = |rows: Vec<T>| {
            all.extend(rows);
            Ok(all.len() < pages.most)
        };
        self.pages(cql, level, values, pages, page).await?;
        all.truncate(pages.most);
        Ok(all)
    }

    /// Visits the rows of a query page by page, until there are no more or the visitor wants no more.
    pub async fn pages<T>(
        &self,
        cql: &str,
        level: Level,
        values: &impl SerializeRow,
        pages: Pages,
        mut visit: impl FnMut(Vec<T>) -> Result<bool, Failure>,
    ) -> Result<(), Failure>
    where
        T: for<'a> DeserializeRow<'a, 'a>,
    {
        let mut bound = self.bind(cql, level, values).await?;
        bound.set_page_size(i32::try_from(pages.most).map_or(pages.rows, |most| most.clamp(1, pages.rows)));
        let mut state = PagingState::start();
        loop {
            let page = async || self.session.execute_bound_single_page(&bound, state.clone()).await;
            let (result, next) = self.retry(page).await?;
            let rows = result.into_rows_result().map_err(|error| Failure::Permanent(error.to_string()))?;
            let rows = rows.rows::<T>().map_err(|error| Failure::Schema(error.to_string()))?;
            let rows = rows.collect::<Result<Vec<T>, _>>();
            let wants_more = visit(rows.map_err(|error| Failure::corrupt(format!("a row cannot be read: {error}")))?)?;
            match next.into_paging_control_flow() {
                std::ops::ControlFlow::Continue(next) if wants_more => state = next,
                _ => return Ok(()),
            }
        }
    }

    /// Runs all jobs within the concurrency limit and returns their results in any order.
    pub async fn gather<J, T, F>(
        &self,
        jobs: impl IntoIterator<Item = J>,
        run: impl Fn(J) -> F,
    ) -> Result<Vec<T>, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let (mut jobs, mut flying, mut done) = (jobs.into_iter().fuse(), FuturesUnordered::new(), Vec::new());
        loop {
            while flying.len() < locked(&self.concurrency).limit() {
                let Some(job) = jobs.next() else { break };
                flying.push(run(job));
            }
            match flying.next().await {
                Some(result) => done.push(result?),
                None => return Ok(done),
            }
        }
    }

    /// Retries until success or a permanent failure.
    pub async fn retry<T, F>(&self, mut attempt: F) -> Result<T, Failure>
    where
        F: AsyncFnMut() -> Result<T, ExecutionError>,
    {
        let begun = Instant::now();
        let mut pauses = backoff();
        loop {
            let number = locked(&self.concurrency).start();
            let why = match attempt().await {
                Ok(value) => {
                    locked(&self.concurrency).succeed();
                    self.log_recovery();
                    return Ok(value);
                }
                Err(error) => match Failure::from(error) {
                    Failure::Transient(why) => why,
                    other => return Err(other),
                },
            };
            locked(&self.concurrency).fail(number);
            self.pause(&mut pauses, begun, why).await?;
        }
    }

    /// Waits before another attempt; fails where the retry policy allows none.
    pub async fn pause(&self, pauses: &mut Backoff, begun: Instant, why: String) -> Result<(), Failure> {
        let pause = pauses.next_pause();
        if !self.retry_policy.allows(begun, pause) {
            return Err(Failure::Transient(why));
        }
        self.retries.fetch_add(1, Ordering::Relaxed);
        self.log_waiting(&why);
        tokio::time::sleep(pause).await;
        Ok(())
    }

    fn log_waiting(&self, why: &str) {
        let mut waiting = locked(&self.waiting);
        let now = Instant::now();
        let since = *waiting.since.get_or_insert(now);
        if waiting.logged.is_none_or(|logged| now.duration_since(logged) >= LOG_INTERVAL) {
            waiting.logged = Some(now);
            let waited_s = now.duration_since(since).as_secs();
            tracing::warn!(store = self.name, waited_s, why, "store request failed; retrying");
        }
    }

    fn log_recovery(&self) {
        let mut waiting = locked(&self.waiting);
        if let Some(since) = waiting.since.take() {
            // Short failures are common; only a longer wait is worth a line.
            if since.elapsed() >= LOG_INTERVAL {
                waiting.logged = None;
                tracing::warn!(store = self.name, waited_s = since.elapsed().as_secs(), "the store has recovered");
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // A plain drop would block, which panics on a thread of another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
