//! Handlers of `/api/...`: rows of the store as JSON, each marked complete or not.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use dataflows::progress::time::{EVENT_MS_END, Resolution, Time};
use serde::Serialize;

use super::answers::Held;
use super::as_of::{self, Asked};
use super::encode::encode;
use super::error::ApiError;
use super::index::{Query, SymbolView};
use super::json::{CANDLE_BYTES, CandleView, FrontierView, INDICATORS_BYTES, IndicatorView};
use super::query::{Pairs, Parameters};
use super::{Shared, now_ms};
use crate::pipeline_state::{Facts, PipelineState};
use crate::store::{Gap, GapRange, Range, StoreError, StoreReader};

/// Default number of symbols in a response.
const SYMBOLS_DEFAULT: usize = 50;
/// Maximum number of symbols in a response.
const SYMBOLS_MAX: usize = 1_000;

/// Rows of one symbol.
#[derive(Serialize)]
pub struct RowsView<R> {
    /// The symbol.
    pub symbol: String,
    /// Length of the windows.
    pub resolution: &'static str,
    /// The frontier at which `complete` was decided; 0 if nothing is complete yet.
    pub frontier_ms: Time,
    /// Ascending.
    pub rows: Vec<R>,
    /// As of an earlier time: windows without a row that have one now, although they were complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added: Option<usize>,
}

/// Matching symbols.
#[derive(Serialize)]
pub struct SymbolsView {
    /// Number of matches.
    total: usize,
    /// The best matches.
    symbols: Vec<SymbolView>,
}

/// The frontier, and the state of the pipeline.
#[derive(Serialize)]
pub struct FrontierAnswer {
    #[serde(flatten)]
    frontier: FrontierView,
    state: PipelineState,
}

/// Gaps in the feed.
#[derive(Serialize)]
pub struct GapsView {
    /// The frontier at which `complete` was decided; 0 if nothing is complete yet.
    frontier_ms: Time,
    /// Number of gaps in the range.
    total: usize,
    /// The newest of them, ascending.
    gaps: Vec<Gap>,
}

/// Memory of a gap until it is encoded, in bytes.
const GAP_BYTES: usize = 512;
/// Memory of a symbol until it is encoded, in bytes.
const SYMBOL_BYTES: usize = 1_024;
/// Memory of the frontier until it is encoded, in bytes.
const FRONTIER_BYTES: usize = 16 << 10;

/// Reads and encodes an answer on a blocking thread, in memory that is reserved first.
async fn answer<V: Serialize>(
    shared: &Shared,
    bytes: usize,
    read: impl FnOnce(&mut dyn StoreReader) -> Result<Result<V, ApiError>, StoreError> + Send + 'static,
) -> Result<Held, ApiError> {
    let reservation = shared.answers.reserve(bytes).await?;
    let read = shared.pool.read(move |reader| {
        let json = read(reader)?.and_then(|view| encode(&view));
        Ok(json.map(|json| reservation.hold(json)))
    });
    read.await?
}

/// `/api/gaps?from=&to=&limit=`: gaps that have a moment in common with the range.
pub async fn gaps(State(shared): State<Arc<Shared>>, pairs: Pairs) -> Result<Held, ApiError> {
    let Range { from_ms, to_ms, limit } = Parameters::new(pairs, &["from", "to", "limit"])?.range()?;
    let read = move |reader: &mut dyn StoreReader| {
        let frontier_ms = reader.complete_up_to()?;
        let mut gaps = Gap::merge(reader.gaps(GapRange { from_ms, to_ms })?, frontier_ms);
        let total = gaps.len();
        gaps.drain(..total.saturating_sub(limit));
        Ok(Ok(GapsView { frontier_ms, total, gaps }))
    };
    answer(&shared, limit * GAP_BYTES, read).await
}

/// `/api/frontier`.
pub async fn frontier(State(shared): State<Arc<Shared>>, pairs: Pairs) -> Result<Held, ApiError> {
    Parameters::new(pairs, &[])?;
    let read = |reader: &mut dyn StoreReader| {
        let (frontier, heartbeat) = (reader.frontier()?, reader.heartbeat()?);
        let frontier_ms = frontier.as_ref().map(|frontier| frontier.row.frontier);
        let facts = Facts { frontier_ms, heartbeat: heartbeat.as_ref(), now_ms: crate::time::now_ms() };
        let state = PipelineState::judge(&facts);
        let Some(frontier) = frontier else {
            let hint = format!("{}: check that a worker writes to this store", state.text);
            return Ok(Err(ApiError::unavailable("nothing complete yet", hint)));
        };
        Ok(Ok(FrontierAnswer { frontier: FrontierView::new(&frontier, now_ms()), state }))
    };
    answer(&shared, FRONTIER_BYTES, read).await
}

/// `/api/symbols?query=&exchange=&traded=&limit=`: matching symbols, best first. Served from memory.
pub async fn symbols(State(shared): State<Arc<Shared>>, pairs: Pairs) -> Result<Held, ApiError> {
    let parameters = Parameters::new(pairs, &["query", "exchange", "traded", "limit"])?;
    let query = Query {
        text: parameters.text("query")?.unwrap_or_default().trim().to_lowercase(),
        exchange: parameters.text("exchange")?,
        traded: parameters.flag("traded")?,
        limit: parameters.limit(SYMBOLS_DEFAULT, SYMBOLS_MAX)?,
    };
    let index = Arc::clone(&shared.index.borrow());
    let reservation = shared.answers.reserve(query.limit * SYMBOL_BYTES).await?;
    let _turn = shared.searches.acquire().await;
    let search = tokio::task::spawn_blocking(move || {
        let (symbols, total) = index.search(&query);
        encode(&SymbolsView { total, symbols }).map(|json| reservation.hold(json))
    });
    search.await.unwrap_or_else(|_| Err(ApiError::unavailable("the search was aborted", "try again")))
}

/// `/api/candles?symbol=&resolution=&from=&to=&limit=`; with `as_of=`, as they were at an earlier time.
pub async fn candles(State(shared): State<Arc<Shared>>, pairs: Pairs) -> Result<Held, ApiError> {
    let parameters = Parameters::new(pairs, &["symbol", "resolution", "from", "to", "since", "limit", "as_of"])?;
    let (symbol, resolution, range) =
        (parameters.symbol()?, parameters.resolution(Resolution::M1)?, parameters.range()?);
    if let Some(time_ms) = parameters.as_of()? {
        return as_of::candles(&shared, Asked { symbol, resolution, range, time_ms }).await;
    }
    let since = parameters.time("since")?.unwrap_or(0);
    let read = move |reader: &mut dyn StoreReader| {
        let frontier_ms = reader.complete_up_to()?;
        let rows = reader.candles(&symbol, resolution, range)?;
        let known = !rows.is_empty() || has_traded(reader, &symbol)?;
        let rows = CandleView::of_changed(rows, resolution, since, frontier_ms);
        Ok(of_known_symbol(known, RowsView { symbol, resolution: resolution.name(), frontier_ms, rows, added: None }))
    };
    answer(&shared, range.limit * CANDLE_BYTES, read).await
}

/// `/api/indicators?symbol=&from=&to=&limit=&as_of=`. Indicators are computed from 5 s candles only.
pub async fn indicators(State(shared): State<Arc<Shared>>, pairs: Pairs) -> Result<Held, ApiError> {
    let parameters = Parameters::new(pairs, &["symbol", "from", "to", "since", "limit", "as_of"])?;
    let (symbol, range, since) = (parameters.symbol()?, parameters.range()?, parameters.time("since")?.unwrap_or(0));
    if let Some(time_ms) = parameters.as_of()? {
        return as_of::indicators(&shared, Asked { symbol, resolution: Resolution::S5, range, time_ms }).await;
    }
    let read = move |reader: &mut dyn StoreReader| {
        let frontier_ms = reader.complete_up_to()?;
        let rows = reader.indicators(&symbol, range)?;
        let known = !rows.is_empty() || has_traded(reader, &symbol)?;
        let rows = IndicatorView::of_changed(rows, since, frontier_ms);
        let resolution = Resolution::S5.name();
        Ok(of_known_symbol(known, RowsView { symbol, resolution, frontier_ms, rows, added: None }))
    };
    answer(&shared, range.limit * INDICATORS_BYTES, read).await
}

/// `/api/openapi.json`: the machine-readable description of this API.
pub async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], include_str!("openapi.json"))
}

/// Answers for an unknown path.
pub async fn not_found() -> ApiError {
    ApiError::not_found("unknown path", "/api/openapi.json lists all paths")
}

/// Answers for a known path with another method than GET.
pub async fn method_not_allowed() -> ApiError {
    ApiError::method_not_allowed()
}

/// Distinguishes an empty range from a symbol that never traded.
pub fn has_traded(reader: &mut dyn StoreReader, symbol: &str) -> Result<bool, StoreError> {
    let any = Range { from_ms: 0, to_ms: EVENT_MS_END.unsigned_abs(), limit: 1 };
    Ok(!reader.candles(symbol, Resolution::D1, any)?.is_empty())
}

/// The view, or the answer for a symbol that never traded.
pub fn of_known_symbol<R>(known: bool, view: RowsView<R>) -> Result<RowsView<R>, ApiError> {
    if known {
        return Ok(view);
    }
    Err(not_traded(&view.symbol))
}

/// 404: the symbol never traded.
pub fn not_traded(symbol: &str) -> ApiError {
    ApiError::not_found(format!("symbol {symbol:?} has not traded"), "/api/symbols lists the symbols")
}
