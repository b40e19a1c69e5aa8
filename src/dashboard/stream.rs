//! `/api/stream`: server-sent events, one per frontier advance.
//!
//! A viewer first gets everything that it subscribed to, then the changes. One that reads too slowly skips the advances
//! in between and gets everything again, so it never sees half a change.

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
use super::frontier_watcher::{Advance, encode, version};
use super::json::FrontierView;
use super::query::{LIMIT_DEFAULT, LIMIT_MAX, Pairs, Parameters};
use super::subscriptions::{Chart, Registration, Subscriptions};
use super::{Shared, now_ms, queries, until};

/// Maximum number of concurrent viewers; each holds a connection.
pub const VIEWERS_MAX: usize = 1_000;
/// Maximum number of symbols on one viewer's watch list.
pub const WATCH_MAX: usize = 100;
/// Number of symbols on the default watch list: the most traded ones.
const WATCH_DEFAULT: usize = 20;

/// How long a browser waits before it reconnects.
const RETRY: Duration = Duration::from_secs(1);

/// Interval of keep-alive comments on an idle stream, so that dead connections are detected.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Data of one event.
#[derive(Serialize)]
struct EventData<'a> {
    #[serde(flatten)]
    frontier: Option<&'a FrontierView>,
    /// Whether `watch` and `chart` hold everything subscribed to, rather than the changes.
    whole: bool,
    watch: Vec<&'a RawValue>,
    chart: Option<&'a RawValue>,
}

/// Answers with the event stream.
pub async fn stream(
    State(shared): State<Arc<Shared>>,
    pairs: Pairs,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let parameters =
        Parameters::repeating(pairs, &["watch", "symbol", "resolution", "indicators", "limit"], &["watch"])?;
    let request = StreamRequest {
        watch: parameters.all("watch", WATCH_MAX)?,
        symbol: parameters.text("symbol")?.filter(|symbol| !symbol.is_empty()),
        resolution: parameters.resolution(Resolution::S5)?,
        indicators: parameters.flag("indicators")?.unwrap_or(false),
        limit: parameters.limit(LIMIT_DEFAULT, LIMIT_MAX)?,
    };
    if shared.advances.receiver_count() >= VIEWERS_MAX {
        return Err(ApiError::busy(format!("{VIEWERS_MAX} viewers are already connected")));
    }
    let viewer = Viewer { advances: shared.advances.subscribe(), shared, request, registration: None, seen: None };
    let events = unfold(viewer, |mut viewer| async {
        let json = viewer.next().await?;
        Some((Ok(Event::default().event("frontier").retry(RETRY).data(json)), viewer))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Parameters of a viewer's request.
struct StreamRequest {
    watch: Vec<String>,
    symbol: Option<String>,
    resolution: Resolution,
    indicators: bool,
    limit: usize,
}

/// One connected viewer.
struct Viewer {
    shared: Arc<Shared>,
    request: StreamRequest,
    advances: broadcast::Receiver<Arc<Advance>>,
    /// Its current subscriptions; `None` before the first event.
    registration: Option<Registration>,
    /// Version of the last advance sent.
    seen: Option<(u64, u64)>,
}

impl Viewer {
    /// The next event's JSON; `None` if the dashboard stops or the store cannot be read (the browser reconnects).
    async fn next(&mut self) -> Option<String> {
        if self.registration.is_none() {
            return self.whole().await;
        }
        loop {
            let received = tokio::select! {
                () = until(self.shared.stop.clone()) => return None,
                received = self.advances.recv() => received,
            };
            match received {
                // Already contained in the last whole event.
                Ok(advance) if Some(advance.version) <= self.seen => {}
                Ok(advance) => {
                    self.seen = Some(advance.version);
                    return match self.changes(&advance) {
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

    /// This viewer's part of an advance; `None` if the watcher did not read everything it subscribed to.
    fn changes(&self, advance: &Advance) -> Option<Result<String, serde_json::Error>> {
        let subscriptions = &self.registration.as_ref()?.subscriptions;
        let rows: Vec<_> = subscriptions.watch.iter().map(|symbol| advance.watch.get(symbol)).collect::<Option<_>>()?;
        let watch = rows.into_iter().filter_map(|row| row.as_deref()).collect();
        let chart = match &subscriptions.chart {
            // Nothing had traded when it connected.
            None => return None,
            Some(chart) => Some(&**advance.charts.get(chart)?),
        };
        let data = EventData { frontier: Some(&advance.frontier), whole: false, watch, chart };
        Some(serde_json::to_string(&data))
    }

    /// An event with everything subscribed to.
    async fn whole(&mut self) -> Option<String> {
        let subscriptions = self.subscriptions();
        // Register before reading: the watcher then sends every change after this read.
        self.registration = Some(self.shared.subscriptions.add(subscriptions.clone()));
        let (limit, index) = (self.request.limit, Arc::clone(&self.shared.index.borrow()));
        let read = self.shared.pool.read(move |reader| {
            let Some(frontier) = reader.frontier()? else { return Ok(None) };
            let to = frontier.row.frontier;
            let watch = queries::days_and_sparks(reader, &subscriptions.watch, &index, to)?;
            let chart = subscriptions.chart.map(|chart| queries::newest(reader, &chart, limit, to)).transpose()?;
            Ok(Some((frontier, watch, chart)))
        });
        let read = tokio::select! {
            () = until(self.shared.stop.clone()) => return None,
            read = read => read.ok()?,
        };
        let Some((frontier, watch, chart)) = read else {
            let data = EventData { frontier: None, whole: true, watch: Vec::new(), chart: None };
            return serde_json::to_string(&data).ok();
        };
        self.seen = Some(version(&frontier));
        let view = FrontierView::new(&frontier, now_ms());
        let watch: Vec<_> = watch.iter().map(encode).collect::<Result<_, _>>().ok()?;
        let chart = chart.as_ref().map(encode).transpose().ok()?;
        let watch = watch.iter().map(|row| &**row).collect();
        serde_json::to_string(&EventData { frontier: Some(&view), whole: true, watch, chart: chart.as_deref() }).ok()
    }

    /// The requested subscriptions, by default the most traded symbols.
    fn subscriptions(&self) -> Subscriptions {
        let request = &self.request;
        let busiest = || self.shared.index.borrow().busiest(WATCH_DEFAULT);
        let watch = if request.watch.is_empty() { busiest() } else { request.watch.clone() };
        let symbol = request.symbol.clone().or_else(|| watch.first().cloned());
        let (resolution, indicators) = (request.resolution, request.indicators);
        Subscriptions { watch, chart: symbol.map(|symbol| Chart { symbol, resolution, indicators }) }
    }
}
