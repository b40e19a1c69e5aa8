//! `/api/stream`: server-sent events, one per frontier advance, and heartbeats with the server's judgement.
//!
//! A viewer first gets everything that it subscribed to, then the changes. One that reads too slowly skips the advances
//! in between and gets everything again, so it never sees half a change.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::Event;
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
use crate::pipeline_state::{PipelineState, State as Judged};

/// Maximum number of concurrent viewers; each holds a connection.
pub const VIEWERS_MAX: usize = 1_000;
/// Maximum number of symbols on one viewer's watch list.
pub const WATCH_MAX: usize = 100;
/// Number of symbols on the default watch list: the most traded ones.
const WATCH_DEFAULT: usize = 20;

/// How long a browser waits before it reconnects.
const RETRY: Duration = Duration::from_secs(1);

/// Interval of heartbeats: a viewer that gets none knows that its connection is lost, and blames no feed.
const BEAT_EVERY: Duration = Duration::from_secs(5);
/// Interval at which the state is judged again: a change is sent at once.
const JUDGE_EVERY: Duration = Duration::from_secs(1);

/// Data of a `frontier` event.
#[derive(Serialize)]
struct EventData<'a> {
    #[serde(flatten)]
    frontier: Option<&'a FrontierView>,
    state: PipelineState,
    /// Whether `watch` and `chart` hold everything subscribed to, rather than the changes.
    whole: bool,
    watch: Vec<&'a RawValue>,
    chart: Option<&'a RawValue>,
}

/// Data of a `state` event: the server lives, and this is how it judges the pipeline.
#[derive(Serialize)]
struct Beat {
    now_ms: i64,
    state: PipelineState,
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
    let viewer = Viewer {
        advances: shared.advances.subscribe(),
        shared,
        request,
        registration: None,
        is_whole: false,
        seen: None,
        judged: None,
        sent: Instant::now(),
    };
    let events = unfold(viewer, |mut viewer| async {
        let (kind, json) = viewer.next().await?;
        Some((Ok(Event::default().event(kind).retry(RETRY).data(json)), viewer))
    });
    Ok(Sse::new(events))
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
    /// Whether it has everything up to `seen`.
    is_whole: bool,
    /// Version of the last advance sent.
    seen: Option<(u64, u64)>,
    /// The last state sent, and the source blamed.
    judged: Option<(Judged, Option<String>)>,
    /// When the last event was sent.
    sent: Instant,
}

impl Viewer {
    /// Name and JSON of the next event; `None` if the dashboard stops.
    async fn next(&mut self) -> Option<(&'static str, String)> {
        loop {
            if !self.is_whole
                && let Some(json) = self.whole().await
            {
                self.is_whole = true;
                return Some(("frontier", json));
            }
            if let Some(json) = self.beat() {
                return Some(("state", json));
            }
            let received = tokio::select! {
                () = until(self.shared.stop.clone()) => return None,
                () = tokio::time::sleep(JUDGE_EVERY) => continue,
                received = self.advances.recv() => received,
            };
            match received {
                // Already contained in the last whole event, or in the next.
                Ok(advance) if !self.is_whole || Some(advance.version) <= self.seen => {}
                Ok(advance) => {
                    self.seen = Some(advance.version);
                    match self.changes(&advance) {
                        Some(json) => return Some(("frontier", json.ok()?)),
                        None => self.is_whole = false,
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    self.advances = self.advances.resubscribe();
                    self.is_whole = false;
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// The state now, which is sent with the next event.
    fn judge(&mut self) -> PipelineState {
        let state = self.shared.condition.borrow().state(crate::time::now_ms());
        self.judged = Some((state.state, state.source.clone()));
        self.sent = Instant::now();
        state
    }

    /// A `state` event's JSON, when one is due: the state has changed, or nothing was sent for some seconds.
    fn beat(&mut self) -> Option<String> {
        let (before, sent) = (self.judged.take(), self.sent);
        let state = self.judge();
        if before == self.judged && sent.elapsed() < BEAT_EVERY {
            self.sent = sent;
            return None;
        }
        serde_json::to_string(&Beat { now_ms: now_ms(), state }).ok()
    }

    /// This viewer's part of an advance; `None` if the watcher did not read everything it subscribed to.
    fn changes(&mut self, advance: &Advance) -> Option<Result<String, serde_json::Error>> {
        let state = self.judge();
        let subscriptions = &self.registration.as_ref()?.subscriptions;
        let rows: Vec<_> = subscriptions.watch.iter().map(|symbol| advance.watch.get(symbol)).collect::<Option<_>>()?;
        let watch = rows.into_iter().filter_map(|row| row.as_deref()).collect();
        let chart = match &subscriptions.chart {
            // Nothing had traded when it connected.
            None => return None,
            Some(chart) => Some(&**advance.charts.get(chart)?),
        };
        let data = EventData { frontier: Some(&advance.frontier), state, whole: false, watch, chart };
        Some(serde_json::to_string(&data))
    }

    /// An event with everything subscribed to; `None` if the dashboard stops or the store cannot be read.
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
            let data = EventData { frontier: None, state: self.judge(), whole: true, watch: Vec::new(), chart: None };
            return serde_json::to_string(&data).ok();
        };
        self.seen = Some(version(&frontier));
        let view = FrontierView::new(&frontier, now_ms());
        let watch: Vec<_> = watch.iter().map(encode).collect::<Result<_, _>>().ok()?;
        let chart = chart.as_ref().map(encode).transpose().ok()?;
        let watch = watch.iter().map(|row| &**row).collect();
        let data =
            EventData { frontier: Some(&view), state: self.judge(), whole: true, watch, chart: chart.as_deref() };
        serde_json::to_string(&data).ok()
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
