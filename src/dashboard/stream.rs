//! `/api/stream`: server-sent events, one a frontier advance.
//!
//! A viewer first gets the whole watch list, then what changes. One that reads too slowly loses the advances between
//! and gets the whole list again: it is skipped forward, and never sees half a change.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::{broadcast, watch};

use crate::dashboard::error::ApiError;
use crate::dashboard::pool::ReaderPool;
use crate::dashboard::watcher::{Advance, encode, place, watch_rows};
use crate::dashboard::{Shared, until};

/// Viewers at the same time; each holds a connection.
pub const VIEWERS_MAX: usize = 256;

/// A browser that was cut off comes back after so long.
const RETRY: Duration = Duration::from_secs(1);

/// A comment is sent when nothing happens for so long, so that a dead connection is found out.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Answers with the events.
pub async fn stream(
    State(shared): State<Arc<Shared>>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    if shared.advances.receiver_count() >= VIEWERS_MAX {
        return Err(ApiError::busy(format!("{VIEWERS_MAX} viewers are connected already")));
    }
    let viewer = Viewer::new(Arc::clone(&shared.pool), shared.advances.subscribe(), shared.stop.clone());
    let events = unfold(viewer, |mut viewer| async {
        let json = viewer.next().await?;
        Some((Ok(Event::default().event("frontier").retry(RETRY).data(json)), viewer))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// One viewer's place among the advances.
struct Viewer {
    pool: Arc<ReaderPool>,
    advances: broadcast::Receiver<Arc<Advance>>,
    stop: watch::Receiver<bool>,
    seen: Option<(u64, u64)>,
    needs_whole: bool,
}

impl Viewer {
    fn new(pool: Arc<ReaderPool>, advances: broadcast::Receiver<Arc<Advance>>, stop: watch::Receiver<bool>) -> Self {
        Self { pool, advances, stop, seen: None, needs_whole: true }
    }

    /// The next event's JSON; `None` when the dashboard stops or the store cannot be read (the browser comes back).
    async fn next(&mut self) -> Option<String> {
        loop {
            if self.needs_whole {
                self.needs_whole = false;
                return self.whole().await;
            }
            let received = tokio::select! {
                () = until(self.stop.clone()) => return None,
                received = self.advances.recv() => received,
            };
            match received {
                // What the whole list held already is not told again.
                Ok(advance) if Some(advance.place) <= self.seen => {}
                Ok(advance) => {
                    self.seen = Some(advance.place);
                    return Some(advance.json.clone());
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    self.advances = self.advances.resubscribe();
                    self.needs_whole = true;
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    async fn whole(&mut self) -> Option<String> {
        // The frontier is read before the rows, so they are at least as new as it says.
        let read = self.pool.read(|reader| Ok((reader.frontier()?, watch_rows(reader)?)));
        let (frontier, rows) = tokio::select! {
            () = until(self.stop.clone()) => return None,
            read = read => read.ok()?,
        };
        self.seen = frontier.as_ref().map(place);
        encode(frontier.as_ref(), true, &rows).ok()
    }
}
