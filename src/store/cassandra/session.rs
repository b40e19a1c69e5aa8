//! A session with its own runtime: prepared statements, our own retry rule, many requests in flight.
//!
//! The driver repeats nothing by itself. Every statement here may be repeated: rows are absolute, and lightweight
//! transactions are decided by what they left behind.

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
use super::config::{Config, Quorum};
use super::connect;
use super::error::Failure;
use super::retry::{Pauses, RetryPolicy};
use crate::store::StoreError;

/// Minimum interval between "waiting for the store" log lines.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// How a statement is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// As the configuration says.
    Quorum,
    /// What lightweight transactions wrote, those that are under way among them.
    Serial,
}

/// How the rows of a query come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pages {
    /// Only the first ones, so many.
    pub most: usize,
    /// So many in one answer.
    pub rows: i32,
}

impl Pages {
    /// All of them, in answers that are neither many nor large.
    pub const ALL: Self = Self { most: usize::MAX, rows: 2_000 };
}

/// A session, and what belongs to it.
pub struct Client {
    /// Taken when this is dropped.
    runtime: Option<Runtime>,
    session: Session,
    name: String,
    quorum: Quorum,
    retry_policy: RetryPolicy,
    prepared: Mutex<HashMap<(String, Level), PreparedStatement>>,
    window: Mutex<ConcurrencyLimit>,
    waiting: Mutex<Waiting>,
    /// How often something was tried again.
    pub retries: Arc<AtomicU64>,
}

/// What was said last about waiting for the store.
#[derive(Debug, Default)]
struct Waiting {
    since: Option<Instant>,
    said: Option<Instant>,
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
    /// Connects, without looking at any keyspace.
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
            window: Mutex::default(),
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
            return Err(Failure::Permanent("it is closed".to_owned()).at(&self.name, what));
        };
        let work = async {
            let RetryPolicy::Deadline(end) = self.retry_policy else { return work.await };
            let late =
                |_| Failure::Transient("the store has not answered in time; check that its nodes are up".to_owned());
            tokio::time::timeout_at(end.into(), work).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
        };
        // The caller may be a task of another runtime, which gives way here.
        let done = tokio::task::block_in_place(|| runtime.block_on(work));
        done.map_err(|failure| failure.at(&self.name, what))
    }

    /// A prepared statement; prepared once.
    pub async fn prepare(&self, cql: &str, level: Level) -> Result<PreparedStatement, Failure> {
        let key = (cql.to_owned(), level);
        if let Some(prepared) = locked(&self.prepared).get(&key) {
            return Ok(prepared.clone());
        }
        let mut prepared = self.persist(async || Ok(self.session.prepare(cql).await?)).await?;
        prepared.set_is_idempotent(true);
        if level == Level::Serial {
            prepared.set_consistency(self.quorum.serial_read());
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
        self.persist(async || self.session.execute_bound_unpaged(&bound).await.map(drop)).await
    }

    /// Executes once, whatever comes of it: for lightweight transactions, which are decided by reading.
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

    /// Rows of a query, in pages of the reader's choice.
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
        let mut bound = self.bind(cql, level, values).await?;
        bound.set_page_size(i32::try_from(pages.most).map_or(pages.rows, |most| most.clamp(1, pages.rows)));
        let (mut all, mut state) = (Vec::new(), PagingState::start());
        loop {
            let page = async || self.session.execute_bound_single_page(&bound, state.clone()).await;
            let (result, next) = self.persist(page).await?;
            let rows = result.into_rows_result().map_err(|error| Failure::Permanent(error.to_string()))?;
            for row in rows.rows::<T>().map_err(|error| Failure::Schema(error.to_string()))? {
                all.push(row.map_err(|error| Failure::corrupt(format!("a row cannot be read: {error}")))?);
            }
            match next.into_paging_control_flow() {
                std::ops::ControlFlow::Continue(next) if all.len() < pages.most => state = next,
                _ => {
                    all.truncate(pages.most);
                    return Ok(all);
                }
            }
        }
    }

    /// Does all jobs, as many at a time as the store takes well, and returns what they gave, in no order.
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
            while flying.len() < locked(&self.window).limit() {
                let Some(job) = jobs.next() else { break };
                flying.push(run(job));
            }
            match flying.next().await {
                Some(result) => done.push(result?),
                None => return Ok(done),
            }
        }
    }

    /// Tries until it succeeds, or fails in a way that another attempt would not change.
    pub async fn persist<T, F>(&self, mut attempt: F) -> Result<T, Failure>
    where
        F: AsyncFnMut() -> Result<T, ExecutionError>,
    {
        let begun = Instant::now();
        let mut pauses = Pauses::new();
        loop {
            let number = locked(&self.window).start();
            let why = match attempt().await {
                Ok(value) => {
                    locked(&self.window).succeed();
                    self.log_recovery();
                    return Ok(value);
                }
                Err(error) => match Failure::from(error) {
                    Failure::Transient(why) => why,
                    other => return Err(other),
                },
            };
            locked(&self.window).fail(number);
            self.pause(&mut pauses, begun, why).await?;
        }
    }

    /// Waits before another attempt; fails where the retry policy allows none.
    pub async fn pause(&self, pauses: &mut Pauses, begun: Instant, why: String) -> Result<(), Failure> {
        let pause = pauses.next();
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
        if waiting.said.is_none_or(|said| now.duration_since(said) >= LOG_INTERVAL) {
            waiting.said = Some(now);
            let waited_s = now.duration_since(since).as_secs();
            tracing::warn!(store = self.name, waited_s, why, "the store does not answer well; trying again");
        }
    }

    fn log_recovery(&self) {
        let mut waiting = locked(&self.waiting);
        if let Some(since) = waiting.since.take() {
            // Requests fail in passing; only what was waited for is worth a line.
            if since.elapsed() >= LOG_INTERVAL {
                waiting.said = None;
                tracing::warn!(store = self.name, waited_s = since.elapsed().as_secs(), "the store answers again");
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // A plain drop would wait, which is not allowed on a thread of another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
