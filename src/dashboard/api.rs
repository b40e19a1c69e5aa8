//! The answers of `/api/...`: rows of the store as JSON, each with whether it is complete.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use dataflows::time::{Resolution, Time};
use serde::Serialize;

use crate::dashboard::Shared;
use crate::dashboard::error::ApiError;
use crate::dashboard::now_ms;
use crate::dashboard::query::{Pairs, Parameters};
use crate::dashboard::view::{CandleView, FrontierView, IndicatorView, WatchRow};
use crate::dashboard::watcher::watch_rows;
use crate::store::{StoreError, StoreReader};

/// Rows of one symbol.
#[derive(Serialize)]
pub struct RowsView<R> {
    symbol: String,
    resolution: &'static str,
    /// The frontier that `complete` goes by; 0 before the first.
    frontier_ms: Time,
    rows: Vec<R>,
}

/// All symbols.
#[derive(Serialize)]
pub struct SymbolsView {
    frontier_ms: Time,
    symbols: Vec<WatchRow>,
}

/// `/api/frontier`.
pub async fn frontier(State(shared): State<Arc<Shared>>, pairs: Pairs) -> Result<Json<FrontierView>, ApiError> {
    Parameters::new(pairs, &[])?;
    let frontier = shared.pool.read(|reader| reader.frontier()).await?;
    let none = || ApiError::unavailable("there is no durable frontier yet", "is a worker writing to this store?");
    Ok(Json(FrontierView::new(&frontier.ok_or_else(none)?, now_ms())))
}

/// `/api/symbols`: every symbol that has traded, with its newest day.
pub async fn symbols(State(shared): State<Arc<Shared>>, pairs: Pairs) -> Result<Json<SymbolsView>, ApiError> {
    Parameters::new(pairs, &[])?;
    let read = shared.pool.read(|reader| Ok((frontier_ms(reader)?, watch_rows(reader)?)));
    let (frontier_ms, symbols) = read.await?;
    Ok(Json(SymbolsView { frontier_ms, symbols }))
}

/// `/api/candles?symbol=&resolution=&from=&to=&limit=`.
pub async fn candles(State(shared): State<Arc<Shared>>, pairs: Pairs) -> Result<Json<RowsView<CandleView>>, ApiError> {
    let parameters = Parameters::new(pairs, &["symbol", "resolution", "from", "to", "limit"])?;
    let (symbol, resolution, range) = (parameters.symbol()?, parameters.resolution()?, parameters.range()?);
    let read = shared.pool.read(move |reader| {
        let frontier_ms = frontier_ms(reader)?;
        let rows = reader.candles(&symbol, resolution, range)?;
        let known = !rows.is_empty() || is_known(reader, &symbol)?;
        let rows = rows.into_iter().map(|row| CandleView::new(row, resolution, frontier_ms)).collect();
        Ok((known, RowsView { symbol, resolution: resolution.name(), frontier_ms, rows }))
    });
    of_known_symbol(read.await?)
}

/// `/api/indicators?symbol=&from=&to=&limit=`: they are made from 5 s candles only.
pub async fn indicators(
    State(shared): State<Arc<Shared>>,
    pairs: Pairs,
) -> Result<Json<RowsView<IndicatorView>>, ApiError> {
    let parameters = Parameters::new(pairs, &["symbol", "from", "to", "limit"])?;
    let (symbol, range) = (parameters.symbol()?, parameters.range()?);
    let read = shared.pool.read(move |reader| {
        let frontier_ms = frontier_ms(reader)?;
        let rows = reader.indicators(&symbol, range)?;
        let known = !rows.is_empty() || is_known(reader, &symbol)?;
        let rows = rows.into_iter().map(|row| IndicatorView::new(row, frontier_ms)).collect();
        Ok((known, RowsView { symbol, resolution: Resolution::S5.name(), frontier_ms, rows }))
    });
    of_known_symbol(read.await?)
}

/// No path of this API.
pub async fn unknown() -> ApiError {
    let hint = "/api/symbols, /api/candles, /api/indicators, /api/frontier, /api/stream, /metrics, /healthz, /readyz";
    ApiError::not_found("there is nothing here", hint)
}

/// Not with this method.
pub async fn wrong_method() -> ApiError {
    ApiError::method_not_allowed()
}

/// The frontier, to be read before the rows: they are then at least as complete as it says.
fn frontier_ms(reader: &mut dyn StoreReader) -> Result<Time, StoreError> {
    Ok(reader.frontier()?.map_or(0, |frontier| frontier.row.frontier))
}

/// Tells an empty range from a symbol that never traded.
fn is_known(reader: &mut dyn StoreReader, symbol: &str) -> Result<bool, StoreError> {
    Ok(reader.latest()?.iter().any(|(known, _)| known == symbol))
}

fn of_known_symbol<R>((known, view): (bool, RowsView<R>)) -> Result<Json<RowsView<R>>, ApiError> {
    if known {
        return Ok(Json(view));
    }
    let error = format!("{:?} has not traded", view.symbol);
    Err(ApiError::not_found(error, "/api/symbols lists what there is"))
}
