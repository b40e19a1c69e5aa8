//! `/api/explain`: why a candle is what it is, from the log and the store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use dataflows::progress::time::Resolution;
use dataflows::symbols::symbol::Symbol;

use super::Shared;
use super::answers::Held;
use super::api::{has_traded, not_traded};
use super::encode::encode;
use super::error::ApiError;
use super::query::{Pairs, Parameters};
use crate::explain::{ExplainError, Sources, Window, explain as explain_windows};
use crate::replay::Origin;
use crate::store::{StoreError, StoreReader};

/// Default number of trades, of left-out ones and of versions that are listed; all are counted.
const LISTED_DEFAULT: usize = 100;
/// Maximum number of each.
const LISTED_MAX: usize = 1_000;
/// Memory of one of each until they are encoded, in bytes.
const LISTED_BYTES: usize = 2_048;
/// Memory of the scan, in bytes: what is read at once, and the trades of a long window by time step.
const SCAN_BYTES: usize = 32 << 20;
/// How long a scan may take: one that takes longer begins far before the window, for want of checkpoints.
const SCAN_MAX: Duration = Duration::from_secs(60);

/// `/api/explain?symbol=&resolution=&window=&limit=`: the candle that holds the moment `window`.
pub async fn explain(State(shared): State<Arc<Shared>>, pairs: Pairs) -> Result<Held, ApiError> {
    let parameters = Parameters::new(pairs, &["symbol", "resolution", "window", "limit"])?;
    let (text, resolution) = (parameters.symbol()?, parameters.resolution(Resolution::M1)?);
    let missing = || ApiError::bad_request("window is missing", "add window=..., a moment in the candle");
    let moment_ms = parameters.time("window")?.ok_or_else(missing)?;
    let limit = parameters.limit(LISTED_DEFAULT, LISTED_MAX)?;
    let symbol = Symbol::new(&text).ok_or_else(|| not_traded(&text))?;
    let window = Window::holding(symbol, resolution, moment_ms);
    let origin = shared.recomputations.origin()?.clone();
    let (_request, turn) = shared.recomputations.turn().await?;
    let reservation = shared.answers.reserve(SCAN_BYTES + limit * LISTED_BYTES).await?;
    let recomputations = Arc::clone(&shared.recomputations);
    let read = move |reader: &mut dyn StoreReader| {
        let (_turn, begun) = (turn, Instant::now());
        let is_stopped = || recomputations.is_stopped() || begun.elapsed() > SCAN_MAX;
        let json = answer(&origin, reader, window, limit, &is_stopped)?;
        Ok(json.map(|json| reservation.hold(json)))
    };
    shared.pool.read(read).await?
}

fn answer(
    origin: &Origin,
    reader: &mut dyn StoreReader,
    window: Window,
    limit: usize,
    is_stopped: &dyn Fn() -> bool,
) -> Result<Result<Vec<u8>, ApiError>, StoreError> {
    let log = match origin.open(reader) {
        Ok(log) => log,
        Err(error) => return Ok(Err(ApiError::origin(format!("{error:#}")))),
    };
    let symbol = window.symbol.to_string();
    let sources = Sources { log: &*log, settings: &origin.settings, reader, is_stopped };
    let mut found = match explain_windows(sources, &[window], limit) {
        Ok(found) => found,
        Err(ExplainError::Store(error)) => return Err(error),
        Err(error) => return Ok(Err(of_error(&error))),
    };
    Ok(match found.pop() {
        Some(found) if !found.is_empty() || has_traded(reader, &symbol)? => encode(&found),
        _ => Err(not_traded(&symbol)),
    })
}

fn of_error(error: &ExplainError) -> ApiError {
    let text = error.to_string();
    match error {
        ExplainError::Gone { .. } => ApiError::gone(text, "ask for a later window"),
        ExplainError::NothingComplete => ApiError::unavailable(text, "try again when a worker writes to this store"),
        ExplainError::Stopped { .. } => {
            let hint = "`tickline explain` has no limit of time; `work --anchor-every` keeps checkpoints to begin from";
            ApiError::unavailable(text, hint)
        }
        _ => ApiError::origin(text),
    }
}
