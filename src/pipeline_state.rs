//! The state of a pipeline: the one judgement that `status`, `top`, the HTTP API and the page show. `docs/operating.md`
//! lists the states.
//!
//! It follows from the durable frontier, the worker's heartbeat and a clock. An outage stays an outage however long it
//! lasts: only sources that have left bring a pipeline to rest.

use std::borrow::Cow;

use dataflows::progress::time::Time;
use dataflows::settings::ProgressMode;
use serde::Serialize;

use crate::store::{Ended, Heartbeat, PartitionLife, SourceLife};
use crate::time::{rfc3339, span};

/// Maximum lag of a live frontier behind the clock, and the lead from which a clock is wrong.
const LIVE_LAG_MS: u64 = 15_000;
/// How long a source may write nothing; it should write each second.
const SILENT_AFTER_MS: u64 = 10_000;
/// How long the progress of a live source may be stalled.
const STILL_AFTER_MS: u64 = 10_000;
/// How long no heartbeat may come; one is written every five seconds.
const HEARTBEAT_MAX_MS: u64 = 17_000;

/// Whether a worker lives that wrote this heartbeat, as far as one can know.
pub fn is_worker_live(heartbeat: &Heartbeat, now_ms: u64) -> bool {
    heartbeat.life.ended.is_none() && now_ms.saturating_sub(heartbeat.written_ms) <= HEARTBEAT_MAX_MS
}

/// Facts that a judgement follows from.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The durable frontier; `None` before the first.
    pub frontier_ms: Option<Time>,
    /// The worker's last heartbeat.
    pub heartbeat: Option<&'a Heartbeat>,
    /// The clock, in Unix milliseconds.
    pub now_ms: u64,
}

/// A state, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Complete up to now, give or take some seconds.
    Live,
    /// Records are read or written that are not complete yet.
    CatchingUp,
    /// A source or a partition holds the frontier back, though its progress moves.
    Behind,
    /// The frontier is ahead of the clock.
    Ahead,
    /// A source writes, but its progress is stalled: its feed is dead.
    FeedDead,
    /// A source that has not left writes nothing.
    SourceSilent,
    /// No heartbeat comes from the worker.
    WorkerDown,
    /// The store cannot be read.
    StoreDown,
    /// All sources have left, and everything is complete.
    AtRest,
    /// Nothing is complete yet.
    NothingYet,
    /// All is read, and no source says whether more will come.
    Quiet,
}

/// How much attention a state needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mood {
    /// All is well.
    Good,
    /// Nothing moves, and nothing should.
    Calm,
    /// It is under way, or somebody should look at it soon.
    Busy,
    /// An outage.
    Bad,
}

/// The judgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PipelineState {
    /// The state.
    pub state: State,
    /// How much attention it needs.
    pub mood: Mood,
    /// The state in one to three words.
    pub label: &'static str,
    /// What is known of it, in one sentence without a full stop; it may be empty.
    pub text: String,
    /// Since when, in Unix milliseconds, where that is known.
    pub since_ms: Option<u64>,
    /// The source that holds the frontier back.
    pub source: Option<String>,
    /// The partitions that hold the frontier back.
    pub partitions: Vec<u32>,
}

impl State {
    /// Label and mood.
    const fn describe(self) -> (&'static str, Mood) {
        match self {
            Self::Live => ("Live", Mood::Good),
            Self::CatchingUp => ("Catching up", Mood::Busy),
            Self::Behind => ("Behind", Mood::Busy),
            Self::Ahead => ("Ahead of the clock", Mood::Busy),
            Self::FeedDead => ("Feed dead", Mood::Bad),
            Self::SourceSilent => ("Source silent", Mood::Bad),
            Self::WorkerDown => ("Worker down", Mood::Bad),
            Self::StoreDown => ("Store down", Mood::Bad),
            Self::AtRest => ("At rest", Mood::Calm),
            Self::NothingYet => ("Nothing complete yet", Mood::Calm),
            Self::Quiet => ("Quiet", Mood::Busy),
        }
    }

    fn says(self, text: impl Into<String>) -> PipelineState {
        let (label, mood) = self.describe();
        let text = text.into();
        PipelineState { state: self, mood, label, text, since_ms: None, source: None, partitions: Vec::new() }
    }
}

impl PipelineState {
    /// The state when the store cannot be read.
    pub fn store_down(why: &str, since_ms: u64) -> Self {
        State::StoreDown.says(format!("the store cannot be read: {why}")).since(since_ms)
    }

    /// Judges the facts.
    pub fn judge(facts: &Facts<'_>) -> Self {
        let Some(heartbeat) = facts.heartbeat else {
            return match facts.frontier_ms {
                None => State::NothingYet.says("no worker has written to this store yet"),
                Some(_) => State::WorkerDown.says("no worker has left a sign of life in this store"),
            };
        };
        let judgement = Judgement { facts, heartbeat };
        // In this order: rest needs no worker, and nothing is known of the sources of a dead one.
        let found = judgement.rest().or_else(|| judgement.worker_down()).or_else(|| judgement.nothing_yet());
        found.unwrap_or_else(|| judgement.frontier())
    }

    /// This state, unless it is rest and the log has more: a heartbeat does not know of what came after it.
    pub fn with_log(self, unread: u64, waiting: u64) -> Self {
        if self.state != State::AtRest || unread + waiting == 0 {
            return self;
        }
        State::WorkerDown
            .says(format!("no worker reads the log, which has {unread} unread and {waiting} waiting records"))
    }

    /// `Label: text`, with the time since when it is so.
    pub fn line(&self, now_ms: u64) -> String {
        let since = self.since_ms.map(|since_ms| format!(", since {}", duration(now_ms, since_ms)));
        let since = since.unwrap_or_default();
        if self.text.is_empty() {
            format!("{}{since}", self.label)
        } else {
            format!("{}: {}{since}", self.label, self.text)
        }
    }

    fn since(self, since_ms: u64) -> Self {
        Self { since_ms: Some(since_ms), ..self }
    }
}

/// A time, and how long ago it was.
fn duration(now_ms: u64, since_ms: u64) -> String {
    format!("{} ({} ago)", rfc3339(since_ms - since_ms % 1_000), span(now_ms.saturating_sub(since_ms)))
}

/// The source that holds back a frontier.
struct Holder<'a> {
    name: &'a str,
    life: SourceLife,
    partitions: Vec<u32>,
}

struct Judgement<'a> {
    facts: &'a Facts<'a>,
    heartbeat: &'a Heartbeat,
}

impl Judgement<'_> {
    fn partitions(&self) -> &[PartitionLife] {
        &self.heartbeat.life.partitions
    }

    /// Whether sources say what is complete, so that something is known of them.
    fn has_sources(&self) -> bool {
        self.heartbeat.life.progress == ProgressMode::Records
    }

    fn is_worker_silent(&self) -> bool {
        self.facts.now_ms.saturating_sub(self.heartbeat.written_ms) > HEARTBEAT_MAX_MS
    }

    /// Whether a partition was read to its end.
    fn is_read(&self, partition: &PartitionLife) -> bool {
        let has_read = self.heartbeat.life.ended == Some(Ended::ReadToEnd);
        partition.unread.map_or(has_read, |unread| unread == 0)
    }

    /// The least frontier of what was read, in any partition; `None` while one has none.
    fn read_frontier(&self) -> Option<Time> {
        self.partitions().iter().map(|partition| partition.frontier_ms).min().flatten()
    }

    /// All sources have left every partition, and the frontier has passed all that they wrote.
    fn rest(&self) -> Option<PipelineState> {
        let durable = self.facts.frontier_ms?;
        let has_left = |partition: &PartitionLife| {
            partition.sources.is_empty() && partition.waiting == 0 && self.is_read(partition)
        };
        let life = &self.heartbeat.life;
        let is_over = self.has_sources() || life.ended == Some(Ended::ReadToEnd);
        if !is_over || !self.partitions().iter().all(has_left) || self.read_frontier()? > durable {
            return None;
        }
        let no_worker = match (life.ended, self.is_worker_silent()) {
            (None, true) => "; no worker is running",
            _ => "",
        };
        let why = if self.has_sources() { "all sources have left" } else { "the log was read to its end" };
        Some(State::AtRest.says(format!("complete up to {}, {why}{no_worker}", rfc3339(durable))))
    }

    fn worker_down(&self) -> Option<PipelineState> {
        let text = match self.heartbeat.life.ended {
            Some(Ended::Stopped) => "it was stopped",
            Some(Ended::ReadToEnd) => "it has read the log to its end and left, and not everything is complete",
            None if self.is_worker_silent() => "no sign of life from it: it has died, or cannot reach the store",
            None => return None,
        };
        Some(State::WorkerDown.says(text).since(self.heartbeat.written_ms))
    }

    fn nothing_yet(&self) -> Option<PipelineState> {
        if self.facts.frontier_ms.is_some() {
            return None;
        }
        let without = self.partitions().iter().filter(|partition| partition.frontier_ms.is_none());
        let without: Vec<u32> = without.map(|partition| partition.partition).collect();
        if without.is_empty() {
            return Some(State::NothingYet.says("the first rows are being written"));
        }
        let what = match self.heartbeat.life.progress {
            ProgressMode::Records => "no source has reported progress in",
            ProgressMode::ProgressLog => "the progress log has no bindings of",
            ProgressMode::BoundedOutOfOrderness { .. } => "no trades in",
        };
        let text = format!("{what} {}", listed(&without));
        Some(PipelineState { partitions: without, ..State::NothingYet.says(text) })
    }

    /// The state by the frontier of a pipeline whose worker lives.
    fn frontier(&self) -> PipelineState {
        let now_ms = self.facts.now_ms;
        let durable = self.facts.frontier_ms.unwrap_or(0);
        let (lag_ms, lead_ms) = (now_ms.saturating_sub(durable), durable.saturating_sub(now_ms));
        let is_live = lag_ms <= LIVE_LAG_MS;
        let held = self.partitions().iter().filter(|partition| partition.frontier_ms == self.read_frontier());
        let held: Vec<&PartitionLife> = held.collect();
        if !is_live && held.iter().any(|partition| !self.is_read(partition)) {
            return self.catching_up(&held);
        }
        if !self.has_sources() {
            return self.without_sources(is_live);
        }
        if let Some(state) = holder(&held).and_then(|holder| self.outage(&holder)) {
            return state;
        }
        if lead_ms > LIVE_LAG_MS {
            let text =
                format!("the frontier is {} ahead: a clock is wrong, a source's or this machine's", span(lead_ms));
            return State::Ahead.says(text);
        }
        if is_live {
            return State::Live.says(self.source_ahead().unwrap_or_default());
        }
        if self.read_frontier().is_some_and(|read| read > durable.saturating_add(LIVE_LAG_MS)) {
            return State::CatchingUp.says("rows are read that the store has not taken yet");
        }
        self.behind(&held, lag_ms)
    }

    fn catching_up(&self, held: &[&PartitionLife]) -> PipelineState {
        let unread: Option<u64> = self.partitions().iter().map(|partition| partition.unread).sum();
        let records = unread.map_or(Cow::Borrowed("records"), |unread| Cow::Owned(format!("{unread} records")));
        let partitions: Vec<u32> = held.iter().map(|partition| partition.partition).collect();
        let pace = match self.heartbeat.life.progress {
            ProgressMode::ProgressLog => ": the worker or `tickline pace` is behind, or `tickline pace` does not run",
            _ => "",
        };
        let text = format!("{records} of the log are not read yet{pace}");
        PipelineState { partitions, ..State::CatchingUp.says(text) }
    }

    /// The state of a pipeline whose log is read to its end, where no source reports progress.
    fn without_sources(&self, is_live: bool) -> PipelineState {
        let waiting: u64 = self.partitions().iter().map(|partition| partition.waiting).sum();
        match self.heartbeat.life.progress {
            _ if is_live => State::Live.says("by its trades: the log has no progress records"),
            ProgressMode::ProgressLog if waiting == 0 => {
                State::Quiet.says("everything in the log is complete, and no source says whether more trades come")
            }
            ProgressMode::ProgressLog => {
                let text = format!(
                    "{waiting} records wait for the progress log: a trade far ahead waits for the next ones, or \
                     `tickline pace` does not run, or is behind"
                );
                State::Behind.says(text)
            }
            _ => State::Quiet.says("the log is read to its end, and nothing in it says whether more trades come"),
        }
    }

    /// The outage of the source that holds back the frontier, if it has one.
    fn outage(&self, holder: &Holder<'_>) -> Option<PipelineState> {
        let Holder { name, life, partitions } = holder;
        // As the worker saw it: what came since its heartbeat is not known here.
        let silent_ms = self.heartbeat.written_ms.saturating_sub(life.last_record_ms);
        let still_ms = self.heartbeat.written_ms.saturating_sub(life.moved_ms);
        let up_to = rfc3339(life.progress_ms);
        let state = if silent_ms > SILENT_AFTER_MS {
            let text = format!("progress stands at {up_to}: source {name} writes nothing");
            State::SourceSilent.says(text).since(life.last_record_ms)
        } else if still_ms > STILL_AFTER_MS {
            let text = format!("progress stands at {up_to}: source {name} writes, but its feed gives no sign of life");
            State::FeedDead.says(text).since(life.moved_ms)
        } else {
            return None;
        };
        Some(PipelineState { source: Some((*name).to_owned()), partitions: partitions.clone(), ..state })
    }

    fn behind(&self, held: &[&PartitionLife], lag_ms: u64) -> PipelineState {
        let lag = span(lag_ms);
        if let Some(Holder { name, partitions, .. }) = holder(held) {
            let text = format!("source {name} holds the frontier back: it is {lag} behind the clock");
            return PipelineState { source: Some(name.to_owned()), partitions, ..State::Behind.says(text) };
        }
        let partitions: Vec<u32> = held.iter().map(|partition| partition.partition).collect();
        let text = match self.read_frontier() {
            Some(_) => format!("no source is live in {}, which stands {lag} behind the clock", listed(&partitions)),
            None => format!("no source has reported progress in {}", listed(&partitions)),
        };
        PipelineState { partitions, ..State::Behind.says(text) }
    }

    /// A source whose clock is ahead, while others hold the frontier.
    fn source_ahead(&self) -> Option<String> {
        let sources = self.partitions().iter().flat_map(|partition| &partition.sources);
        let (name, life) = sources.max_by_key(|(_, life)| life.progress_ms)?;
        let lead_ms = life.progress_ms.saturating_sub(self.facts.now_ms);
        (lead_ms > LIVE_LAG_MS).then(|| format!("source {name} is {} ahead of the clock", span(lead_ms)))
    }
}

/// The source with the least progress in these partitions; among equals the one whose last record is oldest.
fn holder<'a>(held: &[&'a PartitionLife]) -> Option<Holder<'a>> {
    let sources =
        || held.iter().flat_map(|partition| partition.sources.iter().map(move |(name, life)| (partition, name, life)));
    let (_, name, life) = sources().min_by_key(|(_, _, life)| (life.progress_ms, life.last_record_ms))?;
    let same = sources().filter(|(_, other, other_life)| *other == name && other_life.progress_ms == life.progress_ms);
    Some(Holder { name, life: *life, partitions: same.map(|(partition, ..)| partition.partition).collect() })
}

fn listed(partitions: &[u32]) -> String {
    let shown: Vec<String> = partitions.iter().take(5).map(u32::to_string).collect();
    match partitions {
        [one] => format!("partition {one}"),
        _ if partitions.len() > 5 => format!("{} partitions", partitions.len()),
        _ => format!("partitions {}", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests;
