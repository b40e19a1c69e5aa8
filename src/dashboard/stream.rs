//! `/api/stream`: server-sent events, one a frontier advance.
//!
//! A viewer first gets everything that it wants, then what changes. One that reads too slowly loses the advances
//! between and gets everything again: it is skipped forward, and never sees half a change.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use dataflows::progress::time::Resolution;
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::broadcast;

use super::error::ApiError;
use super::frontier_watcher::{Advance, encode, place};
use super::json::FrontierView;
use super::query::{LIMIT_DEFAULT, LIMIT_MAX, Pairs, Parameters};
use super::subscriptions::{Chart, Counted, Subscriptions};
use super::{Shared, now_ms, queries, until};

/// Viewers at the same time; each holds a connection.
pub const VIEWERS_MAX: usize = 1_000;
/// Symbols that one viewer may watch.
pub const WATCH_MAX: usize = 100;
/// Symbols of a viewer that names none: those that trade most.
const WATCH_DEFAULT: usize = 20;

/// A browser that was cut off comes back after so long.
const RETRY: Duration = Duration::from_secs(1);

/// A comment is sent when nothing happens for so long, so that a dead connection is found out.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// What an event says.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    frontier: Option<&'a FrontierView>,
    /// `watch` and `chart` are all that is wanted, not only what has changed.
    whole: bool,
    watch: Vec<&'a RawValue>,
    chart: Option<&'a RawValue>,
}

/// Answers with the events.
pub async fn stream(
    State(shared): State<Arc<Shared>>,
    pairs: Pairs,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let parameters =
        Parameters::repeating(pairs, &["watch", "symbol", "resolution", "indicators", "limit"], &["watch"])?;
    let asked = Asked {
        watch: parameters.all("watch", WATCH_MAX)?,
        symbol: parameters.text("symbol")?.filter(|symbol| !symbol.is_empty()),
        resolution: parameters.resolution(Resolution::S5)?,
        indicators: parameters.flag("indicators")?.unwrap_or(false),
        limit: parameters.limit(LIMIT_DEFAULT, LIMIT_MAX)?,
    };
    if shared.advances.receiver_count() >= VIEWERS_MAX {
        return Err(ApiError::busy(format!("{VIEWERS_MAX} viewers are connected already")));
    }
    let viewer = Viewer { advances: shared.advances.subscribe(), shared, asked, counted: None, seen: None };
    let events = unfold(viewer, |mut viewer| async {
        let json = viewer.next().await?;
        Some((Ok(Event::default().event("frontier").retry(RETRY).data(json)), viewer))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// What a viewer has asked for.
struct Asked {
    watch: Vec<String>,
    symbol: Option<String>,
    resolution: Resolution,
    indicators: bool,
    limit: usize,
}

/// One viewer's place among the advances.
struct Viewer {
    shared: Arc<Shared>,
    asked: Asked,
    advances: broadcast::Receiver<Arc<Advance>>,
    /// What is wanted; none before the first event.
    counted: Option<Counted>,
    seen: Option<(u64, u64)>,
}

impl Viewer {
    /// The next event's JSON; `None` when the dashboard stops or the store cannot be read (the browser comes back).
    async fn next(&mut self) -> Option<String> {
        if self.counted.is_none() {
            return self.whole().await;
        }
        loop {
            let received = tokio::select! {
                () = until(self.shared.stop.clone()) => return None,
                received = self.advances.recv() => received,
            };
            match received {
                // What the whole event held already is not told again.
                Ok(advance) if Some(advance.place) <= self.seen => {}
                Ok(advance) => {
                    self.seen = Some(advance.place);
                    return match self.parts(&advance) {
                        Some(json) => json.ok(),
                        None => self.whole().await,
                    };
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    self.advances = self.advances.resubscribe();
                    return self.whole().await;
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// This viewer's part of an advance; `None` when the watcher did not read all that it wants.
    fn parts(&self, advance: &Advance) -> Option<Result<String, serde_json::Error>> {
        let wanted = &self.counted.as_ref()?.wanted;
        let rows: Vec<_> = wanted.watch.iter().map(|symbol| advance.watch.get(symbol)).collect::<Option<_>>()?;
        let watch = rows.into_iter().filter_map(|row| row.as_deref()).collect();
        let chart = match &wanted.chart {
            // Nothing had traded when it asked.
            None => return None,
            Some(chart) => Some(&**advance.charts.get(chart)?),
        };
        let told = Told { frontier: Some(&advance.frontier), whole: false, watch, chart };
        Some(serde_json::to_string(&told))
    }

    async fn whole(&mut self) -> Option<String> {
        let wanted = self.wanted();
        // From here on the watcher reads it too: what changes after this read is told by it.
        self.counted = Some(self.shared.wanted.add(wanted.clone()));
        let (limit, index) = (self.asked.limit, Arc::clone(&self.shared.index.borrow()));
        let read = self.shared.pool.read(move |reader| {
            let Some(frontier) = reader.frontier()? else { return Ok(None) };
            let to = frontier.row.frontier;
            let watch = queries::days_and_sparks(reader, &wanted.watch, &index, to)?;
            let chart = wanted.chart.map(|chart| queries::newest(reader, &chart, limit, to)).transpose()?;
            Ok(Some((frontier, watch, chart)))
        });
        let read = tokio::select! {
            () = until(self.shared.stop.clone()) => return None,
            read = read => read.ok()?,
        };
        let Some((frontier, watch, chart)) = read else {
            let told = Told { frontier: None, whole: true, watch: Vec::new(), chart: None };
            return serde_json::to_string(&told).ok();
        };
        self.seen = Some(place(&frontier));
        let view = FrontierView::new(&frontier, now_ms());
        let watch: Vec<_> = watch.iter().map(encode).collect::<Result<_, _>>().ok()?;
        let chart = chart.as_ref().map(encode).transpose().ok()?;
        let watch = watch.iter().map(|row| &**row).collect();
        serde_json::to_string(&Told { frontier: Some(&view), whole: true, watch, chart: chart.as_deref() }).ok()
    }

    /// What was asked for; where that left it open, what trades most now.
    fn wanted(&self) -> Subscriptions {
        let asked = &self.asked;
        let busiest = || self.shared.index.borrow().busiest(WATCH_DEFAULT);
        let watch = if asked.watch.is_empty() { busiest() } else { asked.watch.clone() };
        let symbol = asked.symbol.clone().or_else(|| watch.first().cloned());
        let (resolution, indicators) = (asked.resolution, asked.indicators);
        Subscriptions { watch, chart: symbol.map(|symbol| Chart { symbol, resolution, indicators }) }
    }
}
