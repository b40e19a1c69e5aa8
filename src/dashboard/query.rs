//! Query parameters of a request. Unknown, repeated or out-of-range ones are errors, never guessed.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use dataflows::progress::time::{EVENT_MS_END, Resolution};

use crate::dashboard::error::ApiError;
use crate::store::Range;

/// Default number of rows in a response.
pub const LIMIT_DEFAULT: usize = 500;
/// Maximum number of rows in a response.
pub const LIMIT_MAX: usize = 20_000;

/// The name-value pairs of a query string, in order.
pub type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The parameters of a request: known names only, each at most once.
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Checks that all parameters are among `known`, each given once.
    pub fn new(pairs: Pairs, known: &[&str]) -> Result<Self, ApiError> {
        Self::repeating(pairs, known, &[])
    }

    /// As [`Self::new`], but `repeated` parameters may be given several times.
    pub fn repeating(pairs: Pairs, known: &[&str], repeated: &[&str]) -> Result<Self, ApiError> {
        let Query(pairs) = pairs.map_err(|e| ApiError::bad_request(e.body_text(), "write the query as a=b&c=d"))?;
        for (at, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let hint = format!("known parameters: {}", known.join(", "));
                return Err(ApiError::bad_request(format!("unknown parameter {name:?}"), hint));
            }
            if !repeated.contains(&name.as_str()) && pairs[..at].iter().any(|(other, _)| other == name) {
                return Err(ApiError::bad_request(format!("{name} is given twice"), "give it once"));
            }
        }
        Ok(Self(pairs))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A text of bounded length.
    pub fn text(&self, name: &str) -> Result<Option<String>, ApiError> {
        self.get(name).map(|text| short(name, text)).transpose()
    }

    /// The required symbol.
    pub fn symbol(&self) -> Result<String, ApiError> {
        let error = || ApiError::bad_request("symbol is missing", "add symbol=...; /api/symbols lists the symbols");
        self.text("symbol")?.filter(|text| !text.is_empty()).ok_or_else(error)
    }

    /// The distinct values of a repeatable parameter, at most `max`.
    pub fn all(&self, name: &str, max: usize) -> Result<Vec<String>, ApiError> {
        let mut all = Vec::new();
        for (_, text) in self.0.iter().filter(|(key, value)| key == name && !value.is_empty()) {
            if !all.contains(text) {
                all.push(short(name, text)?);
            }
        }
        if all.len() > max {
            let hint = format!("at most {max} are allowed");
            return Err(ApiError::bad_request(format!("{name} is given {} times", all.len()), hint));
        }
        Ok(all)
    }

    /// A boolean parameter.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let error = |_| ApiError::bad_request(format!("invalid {name} {text:?}"), "expected true or false");
        text.parse().map(Some).map_err(error)
    }

    /// The resolution, or `default` if absent.
    pub fn resolution(&self, default: Resolution) -> Result<Resolution, ApiError> {
        let Some(name) = self.get("resolution") else { return Ok(default) };
        Resolution::from_name(name).ok_or_else(|| {
            let known = Resolution::ALL.map(Resolution::name).join(", ");
            ApiError::bad_request(format!("invalid resolution {name:?}"), format!("expected one of {known}"))
        })
    }

    /// The newest `limit` windows from `from` up to `to` (exclusive).
    pub fn range(&self) -> Result<Range, ApiError> {
        let end_ms = EVENT_MS_END.unsigned_abs();
        let from_ms = self.time("from")?.unwrap_or(0);
        let to_ms = self.time("to")?.unwrap_or(end_ms).min(end_ms);
        if from_ms >= to_ms {
            return Err(ApiError::bad_request("from must be before to", "to is exclusive"));
        }
        Ok(Range { from_ms, to_ms, limit: self.limit(LIMIT_DEFAULT, LIMIT_MAX)? })
    }

    /// A time, in Unix milliseconds.
    pub fn time(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let timestamp = || text.parse().ok().and_then(|t: jiff::Timestamp| u64::try_from(t.as_millisecond()).ok());
        let ms = text.parse().ok().or_else(timestamp);
        let hint = "expected Unix milliseconds, or a time such as 2013-10-07T13:30:05Z";
        ms.map(Some).ok_or_else(|| ApiError::bad_request(format!("invalid {name} {text:?}"), hint))
    }

    /// The time as of which rows are asked for; `None` for rows as they are now.
    pub fn as_of(&self) -> Result<Option<u64>, ApiError> {
        let as_of = self.time("as_of")?;
        if as_of.is_some() && self.get("since").is_some() {
            let hint = "since asks for what has changed up to now: leave out one of them";
            return Err(ApiError::bad_request("since and as_of exclude each other", hint));
        }
        Ok(as_of)
    }

    /// The row limit, at most `max`, or `default` if absent.
    pub fn limit(&self, default: usize, max: usize) -> Result<usize, ApiError> {
        let Some(text) = self.get("limit") else { return Ok(default) };
        let limit = text.parse().ok().filter(|limit| (1..=max).contains(limit));
        let hint = format!("expected 1 to {max}; for more, split the range");
        limit.ok_or_else(|| ApiError::bad_request(format!("invalid limit {text:?}"), hint))
    }
}

/// Maximum length of a text parameter, in bytes; no symbol or name is longer.
const TEXT_BYTES_MAX: usize = 256;

fn short(name: &str, text: &str) -> Result<String, ApiError> {
    if text.len() > TEXT_BYTES_MAX {
        let error = format!("{name} is too long: {} bytes", text.len());
        return Err(ApiError::bad_request(error, format!("at most {TEXT_BYTES_MAX} are allowed")));
    }
    Ok(text.to_owned())
}
