//! Encoded parts of events that viewers with the same request share, so that many who come at once cost one read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;

use super::answers::Held;
use super::error::ApiError;
use super::subscriptions::Chart;

/// What a part holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The rows of a watch list, in this order.
    Watch(Vec<String>),
    /// The newest rows of a chart, at most this many.
    Chart(Chart, usize),
}

/// Epoch and frontier.
type Version = (u64, u64);

type Place = Arc<tokio::sync::Mutex<Option<(Version, Weak<Held>)>>>;

/// A part on its way to one viewer.
struct Sent(Arc<Held>);

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref().as_ref()
    }
}

/// The parts that are being made or sent. They are kept by those who send them, and by nobody else.
#[derive(Debug, Default)]
pub struct SharedParts(Mutex<HashMap<Part, Place>>);

impl SharedParts {
    /// The part as of a version: one that is still being sent, or else what `make` returns.
    pub async fn get(
        &self,
        part: Part,
        version: Version,
        make: impl Future<Output = Result<Held, ApiError>>,
    ) -> Result<Bytes, ApiError> {
        let place = self.place(part);
        let mut place = place.lock().await;
        let known = place.as_ref().filter(|(of, _)| *of == version).and_then(|(_, held)| held.upgrade());
        if let Some(held) = known {
            return Ok(Bytes::from_owner(Sent(held)));
        }
        let held = Arc::new(make.await?);
        *place = Some((version, Arc::downgrade(&held)));
        Ok(Bytes::from_owner(Sent(held)))
    }

    fn place(&self, part: Part) -> Place {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_sent = |held: &Option<(Version, Weak<Held>)>| held.as_ref().is_some_and(|(_, h)| h.strong_count() > 0);
        places.retain(|_, place| place.try_lock().map_or(true, |held| Arc::strong_count(place) > 1 || is_sent(&held)));
        Arc::clone(places.entry(part).or_default())
    }
}
