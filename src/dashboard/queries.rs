//! Store reads for viewers. Callers read the frontier first, so the rows are at least as new as it.

use dataflows::progress::time::{DAY_MS, Resolution, Time};

use super::index::Index;
use super::json::{CandleView, ChartView, Day, IndicatorView, WatchRow};
use super::subscriptions::Chart;
use crate::store::{Range, StoreError, StoreReader};

/// Maximum number of one-minute candles in a sparkline.
const SPARK_ROWS: usize = 60;
/// Maximum time span of a sparkline.
const SPARK_MS: u64 = DAY_MS;
/// Maximum number of windows that are checked for changes: a day of 5 s. Beyond it viewers get theirs whole.
const CHANGED_ROWS_MAX: u64 = 20_000;
/// How far back the newest day of a symbol is searched; older ones come from the index, which covers all days.
const NEWEST_DAY_MS: u64 = 60 * DAY_MS;

/// The windows of the last `by_ms` up to `frontier`. No window starts after it, since rows are as of earlier times.
fn back(frontier: Time, by_ms: u64, limit: usize) -> Range {
    Range { from_ms: frontier.saturating_sub(by_ms), to_ms: frontier.saturating_add(1), limit }
}

/// The newest day of each symbol that has traded, in the order of `symbols`.
pub fn days(
    reader: &mut dyn StoreReader,
    symbols: &[String],
    index: &Index,
    frontier: Time,
) -> Result<Vec<WatchRow>, StoreError> {
    let found = reader.candles_of(symbols, Resolution::D1, back(frontier, NEWEST_DAY_MS, 1))?;
    let row = |(symbol, mut candles): (&String, Vec<_>)| {
        let day = candles.pop().map(Day::from).or_else(|| index.day(symbol).cloned())?;
        Some(WatchRow { symbol: symbol.clone(), name: index.name(symbol).to_owned(), day, spark: None })
    };
    Ok(symbols.iter().zip(found).filter_map(row).collect())
}

/// The newest days with their sparklines.
pub fn days_and_sparks(
    reader: &mut dyn StoreReader,
    symbols: &[String],
    index: &Index,
    frontier: Time,
) -> Result<Vec<WatchRow>, StoreError> {
    let mut rows = days(reader, symbols, index, frontier)?;
    let shown: Vec<_> = rows.iter().map(|row| row.symbol.clone()).collect();
    let sparks = reader.candles_of(&shown, Resolution::M1, back(frontier, SPARK_MS, SPARK_ROWS))?;
    for (row, candles) in rows.iter_mut().zip(sparks) {
        row.spark = Some(candles.iter().map(|candle| (candle.window_start_ms, candle.close)).collect());
    }
    Ok(rows)
}

/// The newest `limit` rows of a chart.
pub fn newest(
    reader: &mut dyn StoreReader,
    chart: &Chart,
    limit: usize,
    frontier: Time,
) -> Result<ChartView, StoreError> {
    read(reader, chart, Range { from_ms: 0, to_ms: frontier.saturating_add(1), limit }, 0, frontier)
}

/// The rows of a chart that have changed since the frontier was at `since`; a late trade reaches back by at most
/// `allowed_lateness_ms`. `None` if those that may have changed are too many.
pub fn changed(
    reader: &mut dyn StoreReader,
    chart: &Chart,
    since: Time,
    allowed_lateness_ms: u64,
    frontier: Time,
) -> Result<Option<ChartView>, StoreError> {
    let by_ms = frontier.saturating_sub(since) + allowed_lateness_ms + chart.resolution.length_ms();
    if by_ms / chart.resolution.length_ms() > CHANGED_ROWS_MAX {
        return Ok(None);
    }
    read(reader, chart, back(frontier, by_ms, usize::MAX >> 1), since, frontier).map(Some)
}

fn read(
    reader: &mut dyn StoreReader,
    chart: &Chart,
    range: Range,
    since: Time,
    frontier: Time,
) -> Result<ChartView, StoreError> {
    let candles = reader.candles(&chart.symbol, chart.resolution, range)?;
    let indicators = if chart.indicators && chart.resolution == Resolution::S5 {
        reader.indicators(&chart.symbol, range)?
    } else {
        Vec::new()
    };
    Ok(ChartView {
        symbol: chart.symbol.clone(),
        resolution: chart.resolution.name(),
        candles: CandleView::of_changed(candles, chart.resolution, since, frontier),
        indicators: IndicatorView::of_changed(indicators, since, frontier),
    })
}
