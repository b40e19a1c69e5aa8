//! Reads the query of a request. Whatever is unknown, twice there or out of range is told, never guessed.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use dataflows::progress::time::{EVENT_MS_END, Resolution};

use crate::dashboard::error::ApiError;
use crate::store::Range;

/// Rows given when no limit is asked for.
pub const LIMIT_DEFAULT: usize = 500;
/// Most rows that one request gives.
pub const LIMIT_MAX: usize = 20_000;

/// The pairs after the question mark, in their order.
pub type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The parameters of a request, each known and there at most once.
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Takes a query whose parameters are all among `known`.
    pub fn new(pairs: Pairs, known: &[&str]) -> Result<Self, ApiError> {
        Self::repeating(pairs, known, &[])
    }

    /// The same, where some of them may be there several times.
    pub fn repeating(pairs: Pairs, known: &[&str], repeated: &[&str]) -> Result<Self, ApiError> {
        let Query(pairs) = pairs.map_err(|e| ApiError::bad_request(e.body_text(), "write the query as a=b&c=d"))?;
        for (at, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let hint = format!("known here: {}", known.join(", "));
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

    /// A text, which is not longer than any symbol.
    pub fn text(&self, name: &str) -> Result<Option<String>, ApiError> {
        self.get(name).map(|text| short(name, text)).transpose()
    }

    /// The symbol, which must be there.
    pub fn symbol(&self) -> Result<String, ApiError> {
        let error = || ApiError::bad_request("symbol is missing", "add symbol=...; /api/symbols lists what there is");
        self.text("symbol")?.filter(|text| !text.is_empty()).ok_or_else(error)
    }

    /// Every value of a parameter that may be there several times, each once, at most `most` of them.
    pub fn all(&self, name: &str, most: usize) -> Result<Vec<String>, ApiError> {
        let mut all = Vec::new();
        for (_, text) in self.0.iter().filter(|(key, value)| key == name && !value.is_empty()) {
            if !all.contains(text) {
                all.push(short(name, text)?);
            }
        }
        if all.len() > most {
            let hint = format!("{most} at most");
            return Err(ApiError::bad_request(format!("{name} is given {} times", all.len()), hint));
        }
        Ok(all)
    }

    /// A parameter that is true or false.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let wrong = |_| ApiError::bad_request(format!("{name}={text:?} is not taken"), "write true or false");
        text.parse().map(Some).map_err(wrong)
    }

    /// The resolution; `default` when none is given.
    pub fn resolution(&self, default: Resolution) -> Result<Resolution, ApiError> {
        let Some(name) = self.get("resolution") else { return Ok(default) };
        Resolution::from_name(name).ok_or_else(|| {
            let known = Resolution::ALL.map(Resolution::name).join(", ");
            ApiError::bad_request(format!("{name:?} is no resolution"), format!("resolutions are {known}"))
        })
    }

    /// The windows from `from` to before `to`, the newest `limit` of them.
    pub fn range(&self) -> Result<Range, ApiError> {
        let end_ms = EVENT_MS_END.unsigned_abs();
        let from_ms = self.time("from")?.unwrap_or(0);
        let to_ms = self.time("to")?.unwrap_or(end_ms).min(end_ms);
        if from_ms >= to_ms {
            return Err(ApiError::bad_request("from is not before to", "to is the first moment not wanted"));
        }
        Ok(Range { from_ms, to_ms, limit: self.limit(LIMIT_DEFAULT, LIMIT_MAX)? })
    }

    /// A moment, in Unix milliseconds.
    pub fn time(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let timestamp = || text.parse().ok().and_then(|t: jiff::Timestamp| u64::try_from(t.as_millisecond()).ok());
        let ms = text.parse().ok().or_else(timestamp);
        let hint = "write milliseconds since 1970, or a time such as 2013-10-07T13:30:05Z";
        ms.map(Some).ok_or_else(|| ApiError::bad_request(format!("{name}={text:?} is no time"), hint))
    }

    /// How much is wanted: `default` when it is not said, `most` at most.
    pub fn limit(&self, default: usize, most: usize) -> Result<usize, ApiError> {
        let Some(text) = self.get("limit") else { return Ok(default) };
        let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
        let hint = format!("it is 1 to {most}; for more, ask in parts");
        limit.ok_or_else(|| ApiError::bad_request(format!("limit={text:?} is not taken"), hint))
    }
}

/// No symbol or name is longer, in bytes.
const TEXT_BYTES_MAX: usize = 256;

fn short(name: &str, text: &str) -> Result<String, ApiError> {
    if text.len() > TEXT_BYTES_MAX {
        let error = format!("{name} has {} bytes", text.len());
        return Err(ApiError::bad_request(error, format!("{TEXT_BYTES_MAX} at most")));
    }
    Ok(text.to_owned())
}
