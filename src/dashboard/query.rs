//! Reads the query of a request. Whatever is unknown, twice there or out of range is told, never guessed.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use dataflows::time::{EVENT_MS_END, Resolution};

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
        let Query(pairs) = pairs.map_err(|e| ApiError::bad_request(e.body_text(), "write the query as a=b&c=d"))?;
        for (at, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let hint = format!("known here: {}", known.join(", "));
                return Err(ApiError::bad_request(format!("unknown parameter {name:?}"), hint));
            }
            if pairs[..at].iter().any(|(other, _)| other == name) {
                return Err(ApiError::bad_request(format!("{name} is given twice"), "give it once"));
            }
        }
        Ok(Self(pairs))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The symbol, which must be there.
    pub fn symbol(&self) -> Result<String, ApiError> {
        let symbol = self.get("symbol").filter(|text| !text.is_empty());
        let error = || ApiError::bad_request("symbol is missing", "add symbol=...; /api/symbols lists what there is");
        symbol.map(str::to_owned).ok_or_else(error)
    }

    /// The resolution; one minute when none is given.
    pub fn resolution(&self) -> Result<Resolution, ApiError> {
        let Some(name) = self.get("resolution") else { return Ok(Resolution::M1) };
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
        Ok(Range { from_ms, to_ms, limit: self.limit()? })
    }

    fn time(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let timestamp = || text.parse().ok().and_then(|t: jiff::Timestamp| u64::try_from(t.as_millisecond()).ok());
        let ms = text.parse().ok().or_else(timestamp);
        let hint = "write milliseconds since 1970, or a time such as 2013-10-07T13:30:05Z";
        ms.map(Some).ok_or_else(|| ApiError::bad_request(format!("{name}={text:?} is no time"), hint))
    }

    fn limit(&self) -> Result<usize, ApiError> {
        let Some(text) = self.get("limit") else { return Ok(LIMIT_DEFAULT) };
        let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
        let hint = format!("it is 1 to {LIMIT_MAX}; for more, ask in parts with from and to");
        limit.ok_or_else(|| ApiError::bad_request(format!("limit={text:?} is not taken"), hint))
    }
}
