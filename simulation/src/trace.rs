//! What happened in a run, in order: the same for the same seed.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use dataflows::progress::time::Time;
use tickline::worker::{Executed, Turn};

use crate::scenario::{Fault, Shape};

/// One thing that happened.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "a trace is read, not used")]
pub enum Event {
    Started(Shape),
    Ended(String),
    Appended(usize, usize),
    Passed(u64),
    Worker(usize, Option<Turn>),
    Store(usize, Option<Executed>),
    Fault(Fault),
    Published(Time),
    Killed,
    Healed,
}

/// What happened, in order.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    events: Vec<Event>,
    published: Option<Time>,
}

impl Trace {
    /// One more thing happened.
    pub fn add(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Whether this frontier is another one than the last time.
    pub fn is_news(&mut self, published: Time) -> bool {
        self.published.replace(published) != Some(published)
    }

    /// The next frontier is news, whatever it is.
    pub fn forget_news(&mut self) {
        self.published = None;
    }

    /// What happened, a line each.
    pub fn lines(&self) -> Vec<String> {
        self.events.iter().map(|event| format!("{event:?}")).collect()
    }

    /// How much happened.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// A number that differs when anything does.
    pub fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.lines().hash(&mut hasher);
        hasher.finish()
    }
}
