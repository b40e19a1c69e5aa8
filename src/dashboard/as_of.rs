//! Answers with rows as of an earlier time.

use std::sync::Arc;

use dataflows::progress::time::Resolution;
use serde::Serialize;

use super::Shared;
use super::answers::Held;
use super::api::{RowsView, has_traded, of_known_symbol};
use super::encode::encode;
use super::error::ApiError;
use super::json::{CANDLE_BYTES, CandleView, INDICATORS_BYTES, IndicatorView};
use crate::as_of::{AsOf, AsOfError, Recomputed, RowThen, RowsThen, Wanted};
use crate::store::{Range, StoreError, StoreReader};

/// Rows that are asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The symbol.
    pub symbol: String,
    /// Length of the windows.
    pub resolution: Resolution,
    /// The windows.
    pub range: Range,
    /// The time, as the request gives it.
    pub time_ms: u64,
}

/// Candles as of a time.
pub async fn candles(shared: &Shared, asked: Asked) -> Result<Held, ApiError> {
    let resolution = asked.resolution;
    let read =
        move |as_of: AsOf, reader: &mut dyn StoreReader, wanted: &Wanted<'_>| as_of.candles(reader, resolution, wanted);
    answer(shared, asked, CANDLE_BYTES, read, CandleView::of_then).await
}

/// Indicators as of a time.
pub async fn indicators(shared: &Shared, asked: Asked) -> Result<Held, ApiError> {
    let read = |as_of: AsOf, reader: &mut dyn StoreReader, wanted: &Wanted<'_>| as_of.indicators(reader, wanted);
    answer(shared, asked, INDICATORS_BYTES, read, IndicatorView::of_then).await
}

/// Reads what is in the store, and if some of it has changed since, once more with what is computed.
async fn answer<R: 'static, V: Serialize + 'static>(
    shared: &Shared,
    asked: Asked,
    row_bytes: usize,
    read: impl Fn(AsOf, &mut dyn StoreReader, &Wanted<'_>) -> Result<Option<RowsThen<R>>, AsOfError>
    + Clone
    + Send
    + 'static,
    view: fn(RowThen<R>) -> V,
) -> Result<Held, ApiError> {
    let settings = shared.recomputations.origin()?.settings.clone();
    let time_ms = asked.time_ms;
    let as_of = shared.pool.read(move |reader| of_store(AsOf::new(reader, &settings, time_ms))).await??;
    let symbol = asked.symbol.clone();
    let bytes = (asked.range.limit + as_of.changed_max(asked.resolution)) * row_bytes;
    let attempt = |recomputed: Option<Arc<Recomputed>>| {
        let (asked, read) = (asked.clone(), read.clone());
        async move {
            let reservation = shared.answers.reserve(bytes).await?;
            let read = shared.pool.read(move |reader| {
                let wanted = Wanted { symbol: &asked.symbol, range: asked.range, recomputed: recomputed.as_deref() };
                let found = match of_store(read(as_of, reader, &wanted))? {
                    Ok(Some(found)) => found,
                    Ok(None) => return Ok(Ok(None)),
                    Err(error) => return Ok(Err(error)),
                };
                let is_known = !found.rows.is_empty() || has_traded(reader, &asked.symbol)?;
                let rows = found.rows.into_iter().map(view).collect();
                let added = Some(found.added);
                let resolution = asked.resolution.name();
                let view = RowsView { symbol: asked.symbol, resolution, frontier_ms: as_of.time, rows, added };
                let json = of_known_symbol(is_known, view).and_then(|view| encode(&view));
                Ok(json.map(|json| Some(reservation.hold(json))))
            });
            read.await?
        }
    };
    if let Some(answer) = attempt(None).await? {
        return Ok(answer);
    }
    let recomputed = shared.recomputations.get(shared, &symbol, as_of).await?;
    let none = || ApiError::unavailable("the store changed meanwhile", "try again");
    attempt(Some(recomputed)).await?.ok_or_else(none)
}

/// Separates what is wrong with the store, so that its reader is opened again.
fn of_store<T>(result: Result<T, AsOfError>) -> Result<Result<T, ApiError>, StoreError> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(AsOfError::Store(error)) => Err(error),
        Err(error) => Ok(Err(of_error(&error))),
    }
}

/// The answer to a request that failed, whatever the layer.
pub fn api_error(error: &anyhow::Error) -> ApiError {
    match error.downcast_ref::<AsOfError>() {
        Some(error) => of_error(error),
        None => ApiError::origin(format!("{error:#}")),
    }
}

fn of_error(error: &AsOfError) -> ApiError {
    let text = error.to_string();
    match error {
        AsOfError::Ahead { .. } => ApiError::bad_request(text, "/api/frontier says how far the store is"),
        AsOfError::Gone { .. } => ApiError::gone(text, "ask for a later time"),
        AsOfError::Store(error) => ApiError::store(error),
        AsOfError::Stopped { .. } => ApiError::unavailable(text, "try again"),
        AsOfError::Differs { .. } | AsOfError::Short { .. } | AsOfError::Log(_) => ApiError::origin(text),
    }
}
