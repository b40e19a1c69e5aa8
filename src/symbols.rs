//! The symbol table: everything that Finnhub lists, updated by a daily sync.
//!
//! ```text
//! cache  today's responses in a directory, so that an interrupted sync requests only the missing ones
//! merge  compares today's list of one exchange with the known entries: new, changed, delisted, renamed
//! book   the known entries, in the store's table, a symbol log, or both
//! ```
//! Each exchange is merged and written as soon as its list has arrived. Only a complete list can delist symbols: if the
//! request failed, if elements cannot be parsed, or if the list is suddenly empty, nothing is delisted.

use std::path::PathBuf;

use dataflows::progress::time::DAY_MS;
use dataflows::symbols::entry::Market;
use serde::Serialize;

use crate::exit_code::ExitCode;
use crate::finnhub::exchanges::stock_exchanges;
use crate::finnhub::rest::{Request, Rest, RestConfig, RestError, answer};
use crate::log::LogError;
use crate::store::StoreError;

pub mod book;
pub mod cache;
pub mod merge;
pub mod search;

use book::Book;
use cache::Cache;
use merge::{Exchange, Merged};

/// Maximum number of names per kind in a report; the count may be higher.
const NAMED_MAX: usize = 20;

/// Settings of a sync.
#[derive(Clone, Debug)]
pub struct SyncConfig {
    /// The REST API.
    pub rest: RestConfig,
    /// Directory of the cached responses.
    pub cache: PathBuf,
    /// Exchanges to sync, case-insensitive; empty for all.
    pub exchanges: Vec<String>,
}

/// Error that ends a sync.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// Finnhub rejects all requests.
    #[error("cannot query Finnhub")]
    Rest(#[from] RestError),
    /// The log failed.
    #[error("the symbol log failed")]
    Log(#[from] LogError),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The cache failed.
    #[error("the cache {path}: {why}")]
    Cache {
        /// The file or directory.
        path: String,
        /// The system's error.
        why: String,
    },
    /// The log contains other records.
    #[error("{log}, offset {offset}: not a symbol log ({why}); check that it is not the log of trades")]
    NoSymbolLog {
        /// The log.
        log: String,
        /// The record's offset.
        offset: u64,
        /// The reason.
        why: String,
    },
    /// Unknown exchange.
    #[error("unknown exchange {name:?}: expected one of {known}")]
    NoExchange {
        /// The requested name.
        name: String,
        /// The known exchanges.
        known: String,
    },
    /// The API token's plan allows no requested exchange.
    #[error("the API token's plan allows none of the {requested} requested exchanges (HTTP status 403)")]
    NothingAllowed {
        /// Number of requested exchanges.
        requested: usize,
    },
}

impl ExitCode for SyncError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Rest(error) => error.exit_code(),
            Self::Log(error) => error.exit_code(),
            Self::Store(error) => error.exit_code(),
            Self::NoSymbolLog { .. } | Self::NoExchange { .. } | Self::NothingAllowed { .. } => 2,
            Self::Cache { .. } => 1,
        }
    }
}

/// Result of a sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Exchanges whose list was merged.
    pub exchanges: usize,
    /// Those of them whose list was in the cache.
    pub cached: usize,
    /// Symbols in these lists.
    pub listed: usize,
    /// Symbols never seen before.
    pub new: usize,
    /// Symbols no longer listed.
    pub delisted: usize,
    /// Symbols that continue under another one.
    pub renamed: usize,
    /// Entries that have changed and were written.
    pub changed: usize,
    /// Elements that could not be parsed.
    pub bad: usize,
    /// The first of them.
    pub bad_named: Vec<String>,
    /// Symbols that another exchange lists too, and keeps.
    pub taken: usize,
    /// The first of them.
    pub taken_named: Vec<String>,
    /// Exchanges whose list is suddenly empty, so that none of their symbols was delisted.
    pub empty: Vec<String>,
    /// Requests that the API token's plan does not allow.
    pub not_allowed: Vec<String>,
    /// Failed requests with the reason; the next sync retries them.
    pub failed: Vec<String>,
}

/// Progress of a sync.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Completed lists.
    pub done: usize,
    /// Total number of lists.
    pub total: usize,
    /// The next request.
    pub next: &'a str,
}

/// Requests the lists that are not in the cache of the day of `now_ms`, and updates the book.
pub async fn sync(
    config: &SyncConfig,
    book: &mut Book,
    now_ms: u64,
    report_progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Report, SyncError> {
    let rest = Rest::new(config.rest.clone())?;
    let cache = Cache::open(&config.cache, now_ms, rest.url())?;
    let mut run = SyncRun { rest, cache, report: Report::default() };
    let exchanges = run.exchanges(&config.exchanges).await?;
    let total = exchanges.len();
    for (done, exchange) in exchanges.iter().enumerate() {
        let request = request(exchange);
        report_progress(Progress { done, total, next: &request.to_string() });
        let Some(list) = run.fetch(&request, answer::symbols).await? else { continue };
        let merged = merge::merge(book.entries(), exchange, &list, now_ms);
        run.count(&request, &list, &merged);
        book.put(merged.changed)?;
    }
    report_progress(Progress { done: total, total, next: "" });
    let SyncRun { cache, report, .. } = run;
    if report.exchanges == 0 && report.failed.is_empty() && !report.not_allowed.is_empty() {
        return Err(SyncError::NothingAllowed { requested: report.not_allowed.len() });
    }
    cache.forget_other_days();
    Ok(report)
}

fn request(exchange: &Exchange) -> Request {
    let path = match exchange.market {
        Market::Stock => "stock/symbol",
        Market::Crypto => "crypto/symbol",
        Market::Forex => "forex/symbol",
    };
    Request { path, exchange: Some(exchange.name.clone()) }
}

/// A sync in progress.
struct SyncRun {
    rest: Rest,
    cache: Cache,
    report: Report,
}

impl SyncRun {
    /// All exchanges, or the requested ones: stocks first, then crypto and forex.
    async fn exchanges(&mut self, wanted: &[String]) -> Result<Vec<Exchange>, SyncError> {
        let is = |name: &str, wanted: &String| name.eq_ignore_ascii_case(wanted);
        let stocks = stock_exchanges().into_iter().map(|exchange| (Market::Stock, exchange.code));
        let mut all: Vec<(Market, String)> = stocks.collect();
        let pairs_wanted = wanted.is_empty() || wanted.iter().any(|w| !all.iter().any(|(_, name)| is(name, w)));
        if pairs_wanted {
            for (market, path) in [(Market::Crypto, "crypto/exchange"), (Market::Forex, "forex/exchange")] {
                let names = self.fetch(&Request { path, exchange: None }, answer::names).await?;
                all.extend(names.unwrap_or_default().into_iter().map(|name| (market, name)));
            }
        }
        // If the lists of crypto and forex exchanges failed, the report contains the failure instead.
        let whole = self.report.failed.is_empty() && self.report.not_allowed.is_empty();
        if let Some(name) = wanted.iter().find(|w| whole && !all.iter().any(|(_, name)| is(name, w))) {
            let known = all.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(SyncError::NoExchange { name: name.clone(), known });
        }
        // Only lists of symbols count.
        self.report.cached = 0;
        all.retain(|(_, name)| wanted.is_empty() || wanted.iter().any(|w| is(name, w)));
        Ok(all.into_iter().map(|(market, name)| Exchange { market, name }).collect())
    }

    /// The response, from the cache or from Finnhub; `None` after a failure, which is added to the report.
    async fn fetch<T>(
        &mut self,
        request: &Request,
        read: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<Option<T>, SyncError> {
        // A damaged cache file counts as missing.
        if let Some(answer) = self.cache.get(request).and_then(|bytes| read(&bytes).ok()) {
            self.report.cached += 1;
            return Ok(Some(answer));
        }
        let why = match self.rest.get(request).await {
            Ok(bytes) => match read(&bytes) {
                Ok(answer) => {
                    self.cache.put(request, &bytes)?;
                    return Ok(Some(answer));
                }
                Err(why) => format!("{request}: the response is not a list: {why}"),
            },
            Err(error @ RestError::Unauthorized) => return Err(error.into()),
            Err(RestError::NotAllowed { request }) => {
                self.report.not_allowed.push(request);
                return Ok(None);
            }
            Err(error) => error.to_string(),
        };
        tracing::warn!(why, "cannot fetch a list; the next sync retries it");
        self.report.failed.push(why);
        Ok(None)
    }

    fn count(&mut self, request: &Request, list: &answer::Answer, merged: &Merged) {
        let name = |named: &mut Vec<String>, all: &[String]| {
            let room = NAMED_MAX.saturating_sub(named.len());
            named.extend(all.iter().take(room).map(|one| format!("{request}: {one}")));
        };
        let report = &mut self.report;
        name(&mut report.bad_named, &list.bad);
        name(&mut report.taken_named, &merged.taken);
        report.exchanges += 1;
        report.listed += merged.listed;
        report.new += merged.new;
        report.delisted += merged.delisted;
        report.renamed += merged.renamed;
        report.changed += merged.changed.len();
        report.bad += list.bad.len();
        report.taken += merged.taken.len();
        report.empty.extend(merged.is_suddenly_empty.then(|| request.to_string()));
    }
}

/// Midnight of the UTC day of a time.
pub const fn day_ms(now_ms: u64) -> u64 {
    now_ms - now_ms % DAY_MS
}
