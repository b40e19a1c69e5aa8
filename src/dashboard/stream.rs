//! `/api/stream`: server-sent events, one per frontier advance, and heartbeats with the server's judgement.
//!
//! A viewer first gets everything that it subscribed to, then the changes. One that reads too slowly skips the advances
//! in between and gets everything again, so it never sees half a change.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use dataflows::progress::time::Resolution;
use futures_util::StreamExt as _;
use futures_util::stream::{iter, unfold};
use serde::Serialize;
use tokio::sync::broadcast;

use super::encode::encode;
use super::error::ApiError;
use super::frontier_watcher::{Advance, version};
use super::json::{CANDLE_BYTES, FrontierView, INDICATORS_BYTES};
use super::query::{LIMIT_DEFAULT, LIMIT_MAX, Pairs, Parameters};
use super::shared_parts::Part;
use super::subscriptions::{Chart, Registration, Subscriptions};
use super::{Shared, now_ms, queries};
use crate::http::server::stopped;
use crate::pipeline_state::{PipelineState, State as Judged};

/// Maximum number of concurrent viewers; each holds a connection.
pub const VIEWERS_MAX: usize = 1_000;
/// Maximum number of symbols on one viewer's watch list.
pub const WATCH_MAX: usize = 100;
/// Number of symbols on the default watch list: the most traded ones.
const WATCH_DEFAULT: usize = 20;

/// Memory of a watched symbol with its sparkline, and of its JSON, in bytes.
const WATCHED_BYTES: usize = 8 << 10;

const NULL: Bytes = Bytes::from_static(b"null");

/// How long a browser waits before it reconnects.
const RETRY: Duration = Duration::from_secs(1);

/// Interval of heartbeats: a viewer that gets none knows that its connection is lost, and blames no feed.
const BEAT_EVERY: Duration = Duration::from_secs(5);
/// Interval at which the state is judged again: a change is sent at once.
const JUDGE_EVERY: Duration = Duration::from_secs(1);

/// Beginning of the data of a `frontier` event.
#[derive(Serialize)]
struct EventHead<'a> {
    #[serde(flatten)]
    frontier: Option<&'a FrontierView>,
    state: PipelineState,
    /// Whether `watch` and `chart`, which follow, hold everything subscribed to, rather than the changes.
    whole: bool,
}

/// Data of a `state` event: the server lives, and this is how it judges the pipeline.
#[derive(Serialize)]
struct Beat {
    now_ms: i64,
    state: PipelineState,
}

/// Answers with the event stream.
pub async fn stream(State(shared): State<Arc<Shared>>, pairs: Pairs) -> Result<Response, ApiError> {
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
        let event = viewer.next().await?;
        Some((iter(event.into_iter().map(Ok::<_, Infallible>)), viewer))
    });
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-cache")];
    Ok((headers, Body::from_stream(events.flatten())).into_response())
}

/// An event in the parts in which it is sent, most of them shared with other viewers.
type Event = Vec<Bytes>;

fn event(kind: &str, json: impl IntoIterator<Item = Bytes>) -> Event {
    let head = format!("event: {kind}\nretry: {}\ndata: ", RETRY.as_millis());
    let (head, end) = (Bytes::from(head), Bytes::from_static(b"\n\n"));
    [head].into_iter().chain(json).chain([end]).collect()
}

fn frontier_event(head: &EventHead, watch: Bytes, chart: Bytes) -> Option<Event> {
    let mut json = encode(head).ok()?;
    // The lists are members of the same object.
    json.pop();
    json.extend_from_slice(b",\"watch\":");
    let name = Bytes::from_static(b",\"chart\":");
    Some(event("frontier", [json.into(), watch, name, chart, Bytes::from_static(b"}")]))
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
    /// The next event; `None` if the dashboard stops.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if !self.is_whole
                && let Some(event) = self.whole().await
            {
                self.is_whole = true;
                return Some(event);
            }
            if let Some(event) = self.beat() {
                return Some(event);
            }
            let received = tokio::select! {
                () = stopped(self.shared.stop.clone()) => return None,
                () = tokio::time::sleep(JUDGE_EVERY) => continue,
                received = self.advances.recv() => received,
            };
            match received {
                // Already contained in the last whole event, or in the next.
                Ok(advance) if !self.is_whole || Some(advance.version) <= self.seen => {}
                Ok(advance) => {
                    self.seen = Some(advance.version);
                    match self.changes(&advance) {
                        Some(event) => return Some(event),
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

    /// A `state` event, when one is due: the state has changed, or nothing was sent for some seconds.
    fn beat(&mut self) -> Option<Event> {
        let (before, sent) = (self.judged.take(), self.sent);
        let state = self.judge();
        if before == self.judged && sent.elapsed() < BEAT_EVERY {
            self.sent = sent;
            return None;
        }
        Some(event("state", [encode(&Beat { now_ms: now_ms(), state }).ok()?.into()]))
    }

    /// This viewer's part of an advance; `None` if the watcher did not read everything it subscribed to.
    fn changes(&mut self, advance: &Advance) -> Option<Event> {
        let state = self.judge();
        let subscriptions = &self.registration.as_ref()?.subscriptions;
        let rows: Vec<_> = subscriptions.watch.iter().map(|symbol| advance.watch.get(symbol)).collect::<Option<_>>()?;
        let rows: Vec<&[u8]> = rows.into_iter().filter_map(|row| row.as_deref()).collect();
        let watch = [b"[", &*rows.join(&b','), b"]"].concat().into();
        // Without a chart nothing had traded when it connected.
        let chart = advance.charts.get(subscriptions.chart.as_ref()?)?.clone();
        frontier_event(&EventHead { frontier: Some(&advance.frontier), state, whole: false }, watch, chart)
    }

    /// An event with everything subscribed to; `None` if the dashboard stops, or there is no reader or no memory.
    async fn whole(&mut self) -> Option<Event> {
        let subscriptions = self.subscriptions();
        // Register before reading: the watcher then sends every change after this read.
        self.registration = Some(self.shared.subscriptions.add(subscriptions.clone()));
        let shared = Arc::clone(&self.shared);
        let read = async {
            let Some(frontier) = shared.pool.read(|reader| reader.frontier()).await? else { return Ok(None) };
            // As of the frontier just read, so what is shared is followed by the same changes.
            let watch = self.watch(subscriptions.watch, version(&frontier)).await?;
            let chart = match subscriptions.chart {
                Some(chart) => self.chart(chart, version(&frontier)).await?,
                None => NULL,
            };
            Ok::<_, ApiError>(Some((frontier, watch, chart)))
        };
        let read = tokio::select! {
            () = stopped(self.shared.stop.clone()) => return None,
            read = read => read.ok()?,
        };
        let Some((frontier, watch, chart)) = read else {
            let head = EventHead { frontier: None, state: self.judge(), whole: true };
            return frontier_event(&head, Bytes::from_static(b"[]"), NULL);
        };
        self.seen = Some(version(&frontier));
        let view = FrontierView::new(&frontier, now_ms());
        let head = EventHead { frontier: Some(&view), state: self.judge(), whole: true };
        frontier_event(&head, watch, chart)
    }

    /// The rows of a watch list, shared by all viewers with the same one.
    async fn watch(&self, symbols: Vec<String>, version: (u64, u64)) -> Result<Bytes, ApiError> {
        let (shared, index) = (&self.shared, Arc::clone(&self.shared.index.borrow()));
        let part = Part::Watch(symbols.clone());
        let make = async {
            let reservation = shared.answers.reserve(symbols.len() * WATCHED_BYTES).await?;
            let read = shared.pool.read(move |reader| {
                let rows = queries::days_and_sparks(reader, &symbols, &index, version.1)?;
                Ok(encode(&rows).map(|json| reservation.hold(json)))
            });
            read.await?
        };
        shared.parts.get(part, version, make).await
    }

    /// The newest rows of a chart, shared by all viewers of the same one.
    async fn chart(&self, chart: Chart, version: (u64, u64)) -> Result<Bytes, ApiError> {
        let (shared, limit) = (&self.shared, self.request.limit);
        let part = Part::Chart(chart.clone(), limit);
        let row_bytes = CANDLE_BYTES + if chart.indicators { INDICATORS_BYTES } else { 0 };
        let make = async {
            let reservation = shared.answers.reserve(limit * row_bytes).await?;
            let read = shared.pool.read(move |reader| {
                let rows = queries::newest(reader, &chart, limit, version.1)?;
                Ok(encode(&rows).map(|json| reservation.hold(json)))
            });
            read.await?
        };
        shared.parts.get(part, version, make).await
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
