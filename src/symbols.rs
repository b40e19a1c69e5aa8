//! The symbol directory: everything that Finnhub lists, kept up by a sync a day.
//!
//! ```text
//! cache  today's answers in a directory, so that a sync that was cut off asks only for what is missing
//! merge  today's list of one exchange against what was known: new, changed, delisted, renamed
//! book   what is known, and where it is kept: the store's table, a log of entries, or both
//! ```
//! Each exchange is merged and written as soon as its list is there. Only a whole list can delist: an exchange that
//! could not be asked, that has elements which cannot be read, or that suddenly lists nothing, takes nothing away.

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

/// Names of elements and symbols that a report holds of each kind; there may be more of them than that.
const NAMED_MAX: usize = 20;

/// What to ask, and where answers are cached.
#[derive(Clone, Debug)]
pub struct SyncConfig {
    /// Whom to ask.
    pub rest: RestConfig,
    /// Directory of the answers.
    pub cache: PathBuf,
    /// Only these exchanges, in any case; empty for all.
    pub exchanges: Vec<String>,
}

/// Why a sync ends.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// Finnhub does not answer, and asking for other things cannot help.
    #[error("finnhub cannot be asked")]
    Rest(#[from] RestError),
    /// The log failed.
    #[error("the log of symbols failed")]
    Log(#[from] LogError),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The cache failed.
    #[error("the cache {path}: {why}")]
    Cache {
        /// The file or directory.
        path: String,
        /// What the system says.
        why: String,
    },
    /// The log holds something else.
    #[error("{log}, offset {offset}: {why}: this is no log of symbols; is it that of the trades?")]
    NoSymbolLog {
        /// The log.
        log: String,
        /// Where.
        offset: u64,
        /// What is wrong with the record.
        why: String,
    },
    /// Nothing of that name is listed.
    #[error("there is no exchange {name:?}; there are {known}")]
    NoExchange {
        /// What was asked for.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// The key is good for nothing here.
    #[error("the key's plan allows none of the {asked} exchanges asked for (HTTP status 403)")]
    NothingAllowed {
        /// How many were asked for.
        asked: usize,
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

/// What a sync did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Exchanges whose list was merged.
    pub exchanges: usize,
    /// Those of them whose list was in the cache.
    pub cached: usize,
    /// Symbols that they list.
    pub listed: usize,
    /// Symbols never seen before.
    pub new: usize,
    /// Symbols that have vanished.
    pub delisted: usize,
    /// Symbols that have vanished and go on under another one.
    pub renamed: usize,
    /// Entries that differ from what was known, and were written.
    pub changed: usize,
    /// Elements that could not be read.
    pub bad: usize,
    /// The first of them.
    pub bad_named: Vec<String>,
    /// Symbols that another exchange lists too, which keeps them.
    pub taken: usize,
    /// The first of them.
    pub taken_named: Vec<String>,
    /// Exchanges that list nothing any more, although symbols of theirs were known: nothing of them was delisted.
    pub empty: Vec<String>,
    /// What the key's plan does not allow.
    pub not_allowed: Vec<String>,
    /// What failed, and why; a later sync asks again.
    pub failed: Vec<String>,
}

/// How far a sync is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Lists that are done.
    pub done: usize,
    /// Lists in all.
    pub total: usize,
    /// The one that is next.
    pub next: &'a str,
}

/// Asks for what the cache of the day of `now_ms` does not hold, and brings the book up to date.
pub async fn sync(
    config: &SyncConfig,
    book: &mut Book,
    now_ms: u64,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<Report, SyncError> {
    let rest = Rest::new(config.rest.clone())?;
    let cache = Cache::open(&config.cache, now_ms, rest.url())?;
    let mut asker = Asker { rest, cache, report: Report::default() };
    let exchanges = asker.exchanges(&config.exchanges).await?;
    let total = exchanges.len();
    for (done, exchange) in exchanges.iter().enumerate() {
        let request = request(exchange);
        tell(Progress { done, total, next: &request.to_string() });
        let Some(list) = asker.ask(&request, answer::symbols).await? else { continue };
        let merged = merge::merge(book.entries(), exchange, &list, now_ms);
        asker.count(&request, &list, &merged);
        book.put(merged.changed)?;
    }
    tell(Progress { done: total, total, next: "" });
    let Asker { cache, report, .. } = asker;
    if report.exchanges == 0 && report.failed.is_empty() && !report.not_allowed.is_empty() {
        return Err(SyncError::NothingAllowed { asked: report.not_allowed.len() });
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

/// Asks and keeps count.
struct Asker {
    rest: Rest,
    cache: Cache,
    report: Report,
}

impl Asker {
    /// All exchanges, or the wanted ones; stocks first, each market by name.
    async fn exchanges(&mut self, wanted: &[String]) -> Result<Vec<Exchange>, SyncError> {
        let is = |name: &str, wanted: &String| name.eq_ignore_ascii_case(wanted);
        let stocks = stock_exchanges().into_iter().map(|exchange| (Market::Stock, exchange.code));
        let mut all: Vec<(Market, String)> = stocks.collect();
        let pairs_wanted = wanted.is_empty() || wanted.iter().any(|w| !all.iter().any(|(_, name)| is(name, w)));
        if pairs_wanted {
            for (market, path) in [(Market::Crypto, "crypto/exchange"), (Market::Forex, "forex/exchange")] {
                let names = self.ask(&Request { path, exchange: None }, answer::names).await?;
                all.extend(names.unwrap_or_default().into_iter().map(|name| (market, name)));
            }
        }
        // Where the names of the pairs' exchanges could not be had, the report says so.
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

    /// The answer, from the cache or else from Finnhub; `None` when there is none, which the report then says.
    async fn ask<T>(
        &mut self,
        request: &Request,
        read: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<Option<T>, SyncError> {
        // A file of the cache that cannot be read any more is as good as none.
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
                Err(why) => format!("{request}: the answer is no list: {why}"),
            },
            Err(error @ RestError::Refused) => return Err(error.into()),
            Err(RestError::NotAllowed { request }) => {
                self.report.not_allowed.push(request);
                return Ok(None);
            }
            Err(error) => error.to_string(),
        };
        tracing::warn!(why, "a list could not be had");
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

/// Midnight of the UTC day that holds a moment.
pub const fn day_ms(now_ms: u64) -> u64 {
    now_ms - now_ms % DAY_MS
}
