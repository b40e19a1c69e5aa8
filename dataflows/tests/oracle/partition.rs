//! One partition read in order: what each record is, when it counts, and where the partition's frontier stands.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use dataflows::log::reject::Reason;
use dataflows::output::counters::Counter;
use dataflows::output::row::{GapRow, RejectedRow};

use super::conditions::Flags;
use super::json::{Object, array, integer, is_number, text};
use super::name::is_name;
use super::number::{Fixed, fixed};
use super::{Record, Settings};

mod doubt;
mod rejection;

/// A trade that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trade {
    /// Its symbol.
    pub symbol: String,
    /// Event time in ms, partition, offset, index.
    pub place: (u64, u32, u64, u32),
    /// In 10^-18.
    pub price: i128,
    /// In 10^-10.
    pub volume: i128,
    /// What it may do, the rule of `v == 0` applied.
    pub flags: Flags,
    /// The time step at which it counts.
    pub time: u64,
}

/// A partition, so far as it was read.
#[derive(Debug)]
pub struct Partition<'a> {
    settings: &'a Settings,
    partition: u32,
    /// The live sources and the progress of each.
    progress: BTreeMap<String, i64>,
    /// The partition frontier.
    pub frontier: Option<i64>,
    /// What was taken.
    pub trades: Vec<Trade>,
    /// Rejected records.
    pub rejected: Vec<RejectedRow>,
    /// Gaps.
    pub gaps: Vec<GapRow>,
    /// The greatest time that anything was given.
    time_max: Option<u64>,
    /// The newest event time among the trades taken.
    newest: Option<i64>,
    /// Until when each source has announced to be silent.
    announced: BTreeMap<String, i64>,
    /// The last progress that was not believed.
    doubted: Option<(String, i64)>,
    /// The symbols of the trades taken.
    symbols: BTreeSet<String>,
    /// The symbols that have their place.
    places: BTreeSet<String>,
    /// Trades that nothing has confirmed or refuted yet.
    pending: Vec<(Record, u32, Draft)>,
    /// Trades that nothing can be compared with yet.
    early: Vec<(Record, u32, Draft)>,
    /// The offset of the record that is being read.
    reading: Option<u64>,
    /// Rejected parts of the record that is being read: how many, and the index of the first one too many.
    rejections: (u64, Option<u32>),
    /// Everything that is counted, with its time.
    pub counts: Vec<(u64, Counter)>,
    /// The time step of the last accepted trade of a symbol with an id.
    ids: BTreeMap<(String, String), u64>,
}

/// A trade as its own record describes it.
#[derive(Clone, Debug)]
struct Draft {
    symbol: String,
    price: i128,
    volume: i128,
    rounded: bool,
    event_ms: i64,
    flags: Flags,
    id: Option<String>,
    bytes: Vec<u8>,
}

const EVENT_MS_FIRST: i64 = 31_536_000_000; // 1971-01-01
const EVENT_MS_END: i64 = 4_102_444_800_000; // 2100-01-01

impl<'a> Partition<'a> {
    /// Reads records from the start of the partition.
    pub fn read(settings: &'a Settings, partition: u32, records: &[Record]) -> Self {
        let mut read = Self::unread(settings, partition);
        for record in records {
            if !read.may_read(record.offset) {
                break;
            }
            read.record(record);
        }
        match records.last() {
            Some(last) if read.may_read(last.offset) => read.bind(last.offset + 1),
            Some(_) => {}
            None => read.bind(0),
        }
        read
    }

    /// Raises the frontier to what the progress log says of this offset; whether it says anything of a later one.
    fn may_read(&mut self, offset: u64) -> bool {
        self.bind(offset);
        let Some(bindings) = &self.settings.bindings else { return true };
        bindings.iter().any(|binding| binding.0 == self.partition && binding.1 > offset)
    }

    fn bind(&mut self, offset: u64) {
        let (mut greatest, settings, partition) = (0, self.settings, self.partition);
        for &(_, at, event_ms) in settings.bindings.iter().flatten().filter(|binding| binding.0 == partition) {
            // One that goes back says nothing.
            if at >= greatest && at <= offset {
                self.raise(event_ms);
            }
            greatest = greatest.max(at);
        }
    }

    fn has_progress_records(&self) -> bool {
        self.settings.max_out_of_orderness_ms.is_none() && self.settings.bindings.is_none()
    }

    /// The partition frontier's time step after each record.
    pub fn steps(settings: &'a Settings, partition: u32, records: &[Record]) -> Vec<u64> {
        let mut read = Self::unread(settings, partition);
        let after = |record| {
            read.record(record);
            read.frontier_step()
        };
        records.iter().map(after).collect()
    }

    fn unread(settings: &'a Settings, partition: u32) -> Self {
        Self {
            settings,
            partition,
            progress: BTreeMap::new(),
            frontier: None,
            trades: Vec::new(),
            rejected: Vec::new(),
            gaps: Vec::new(),
            counts: Vec::new(),
            time_max: None,
            newest: None,
            announced: BTreeMap::new(),
            doubted: None,
            symbols: BTreeSet::new(),
            places: BTreeSet::new(),
            pending: Vec::new(),
            early: Vec::new(),
            reading: None,
            rejections: (0, None),
            ids: BTreeMap::new(),
        }
    }

    /// The partition frontier's time step; 0 when there is none.
    pub fn frontier_step(&self) -> u64 {
        self.frontier.map_or(0, |ms| self.floor_step(ms))
    }

    fn floor_step(&self, ms: i64) -> u64 {
        let ms = u64::try_from(ms).unwrap();
        ms / self.settings.step_ms * self.settings.step_ms
    }

    fn record(&mut self, record: &Record) {
        self.rejections = (0, None);
        self.reading = Some(record.offset);
        self.contents(record);
        if let (all, Some(index)) = self.rejections {
            let text = format!("{{\"rejected\":{all},\"with_rows\":256}}");
            self.reject_as(record.offset, index, Reason::MoreRejected, text.as_bytes());
        }
    }

    fn contents(&mut self, record: &Record) {
        if record.is_tombstone {
            return self.reject(record, 0, Reason::Tombstone);
        }
        if record.bytes.len() > 1024 * 1024 {
            return self.reject(record, 0, Reason::TooLarge);
        }
        let object = std::str::from_utf8(&record.bytes).ok().and_then(Object::read);
        let Some(object) = object else {
            let has_header = matches!(record.bytes[..], [0, _, _, _, _, ..]);
            return self.reject(record, 0, if has_header { Reason::SchemaBytes } else { Reason::BadJson });
        };
        let Some(kind) = object.get("type") else { return self.trade(record, 0, &object, &record.bytes) };
        match text(kind).as_deref() {
            Some("progress") => self.progress(record, &object),
            Some("bye") => self.bye(record, &object),
            Some("gap") => self.gap(record, &object),
            Some("import") => self.import(record, &object),
            Some("trade") => self.frame(record, &object),
            _ => self.reject(record, 0, Reason::UnknownType),
        }
    }

    fn progress(&mut self, record: &Record, object: &Object) {
        let event_ms = object.get("event_ms").and_then(integer).filter(|ms| (0..EVENT_MS_END).contains(ms));
        let (Some(source), Some(event_ms)) = (source(object), event_ms) else {
            return self.reject(record, 0, Reason::BadControl);
        };
        let in_progress_mode = self.has_progress_records();
        if in_progress_mode && !self.progress.contains_key(&source) && self.progress.len() == 1024 {
            return self.reject(record, 0, Reason::BadControl);
        }
        if in_progress_mode && self.is_doubtful(record, &source, event_ms) {
            self.doubted = Some((source, event_ms));
            return self.reject(record, 0, Reason::TooFarAhead);
        }
        let before = self.frontier.map(|_| self.frontier_step());
        if in_progress_mode {
            self.believe(&source);
            let progress = self.progress.get(&source).copied().unwrap_or(event_ms);
            self.progress.insert(source, progress.max(event_ms));
            self.raise_to_least_progress();
        }
        self.count(before.unwrap_or_else(|| self.frontier_step()), Counter::Progress);
    }

    fn bye(&mut self, record: &Record, object: &Object) {
        let Some(source) = source(object) else { return self.reject(record, 0, Reason::BadControl) };
        self.count(self.frontier_step(), Counter::Byes);
        if self.has_progress_records() {
            self.announced.remove(&source);
            self.believe(&source);
            let left = self.progress.remove(&source).is_some();
            self.raise_to_least_progress();
            if left {
                self.raise_past_all();
            }
        }
    }

    fn gap(&mut self, record: &Record, object: &Object) {
        let from_ms = object.get("from_ms").and_then(integer);
        let to_ms = object.get("to_ms").and_then(integer);
        let cause = object.get("cause").and_then(text).filter(|cause| cause.len() <= 1024);
        let (Some(source), Some(from_ms), Some(to_ms), Some(cause)) = (source(object), from_ms, to_ms, cause) else {
            return self.reject(record, 0, Reason::BadControl);
        };
        let as_of = self.frontier_step();
        self.count(as_of, Counter::Gaps);
        self.gaps.push(GapRow {
            partition: self.partition,
            offset: record.offset,
            source: source.as_str().into(),
            from_ms,
            to_ms,
            cause: cause.into(),
            as_of,
        });
        if (0..EVENT_MS_END).contains(&to_ms) {
            self.announce(source, to_ms);
        }
    }

    fn import(&mut self, record: &Record, object: &Object) {
        let has_text = |key| object.get(key).and_then(text).is_some();
        let time = |key| object.get(key).and_then(integer).filter(|ms| (0..EVENT_MS_END).contains(ms));
        let (from_ms, to_ms) = (time("from_ms"), time("to_ms"));
        let records = object.get("records").and_then(integer).is_some_and(|records| records >= 0);
        let state = object.get("state").and_then(text).is_some_and(|state| state == "begin" || state == "end");
        let Some(from_ms) = from_ms.filter(|_| to_ms.is_some() && records && state) else {
            return self.reject(record, 0, Reason::BadControl);
        };
        if source(object).is_none() || !has_text("name") || !has_text("hash") {
            return self.reject(record, 0, Reason::BadControl);
        }
        let at_frontier = self.frontier.is_some();
        let at = self.frontier.unwrap_or(from_ms);
        self.count(self.floor_step(at), Counter::Imports);
        let ends = object.get("state").and_then(text).as_deref() == Some("end");
        if let (Some(source), Some(to_ms)) = (source(object), to_ms) {
            if ends {
                self.announced.remove(&source);
            } else {
                self.announce(source, to_ms);
            }
        }
        if ends && self.has_progress_records() && at_frontier {
            self.raise_past_all();
        }
    }

    /// Without a live source nothing is to be waited for: past all that there is, the last record included.
    fn raise_past_all(&mut self) {
        if let Some(time_max) = self.time_max.filter(|_| self.progress.is_empty()) {
            self.raise((time_max + self.settings.step_ms) as i64);
        }
    }

    fn raise_to_least_progress(&mut self) {
        if let Some(least) = self.progress.values().min() {
            self.raise(*least);
        }
    }

    /// The partition frontier never falls. Nor is it before the epoch, however great the out-of-orderness.
    fn raise(&mut self, to: i64) {
        let to = to.max(0);
        let is_first = self.frontier.is_none();
        self.frontier = Some(self.frontier.map_or(to, |ms| ms.max(to)));
        if is_first {
            self.take_early();
        }
    }

    fn frame(&mut self, record: &Record, object: &Object) {
        let Some(elements) = object.get("data").and_then(array) else {
            return self.reject(record, 0, Reason::BadJson);
        };
        for (index, element) in elements.iter().enumerate() {
            match Object::read(element) {
                Some(trade) => self.trade(record, index as u32, &trade, element.as_bytes()),
                None => self.reject_part(record, index as u32, Reason::BadJson, element.as_bytes()),
            }
        }
    }

    fn trade(&mut self, record: &Record, index: u32, object: &Object, text: &[u8]) {
        let draft = match self.draft(object, text) {
            Ok(draft) => draft,
            Err(reason) => return self.reject_part(record, index, reason, text),
        };
        if self.has_progress_records() {
            let near = |to_ms: i64| draft.event_ms.abs_diff(to_ms) <= self.settings.max_ahead_ms;
            if let Some((source, to_ms)) = self.doubted.clone().filter(|(_, to_ms)| near(*to_ms)) {
                self.doubted = None;
                if self.progress.contains_key(&source) || self.progress.len() < 1024 {
                    let progress = self.progress.get(&source).copied().unwrap_or(to_ms);
                    self.progress.insert(source, progress.max(to_ms));
                    self.raise_to_least_progress();
                }
            }
        }
        if self.settings.max_out_of_orderness_ms.is_some() {
            self.confirmed_trade(record, index, draft);
        } else if self.frontier.is_none() && record.timestamp_ms.is_none() {
            self.early.push((record.clone(), index, draft));
        } else {
            self.timed_trade(record, index, draft);
        }
    }

    fn timed_trade(&mut self, record: &Record, index: u32, draft: Draft) {
        if let Err(reason) = self.check_time(record, &draft) {
            return self.reject_part(record, index, reason, &draft.bytes);
        }
        self.accepted_trade(record, index, draft, self.frontier);
    }

    /// A trade, at what was the frontier when it came.
    fn accepted_trade(&mut self, record: &Record, index: u32, draft: Draft, frontier: Option<i64>) {
        if !self.places.contains(&draft.symbol) && self.places.len() >= self.settings.symbols_max {
            return self.reject_part(record, index, Reason::TooManySymbols, &draft.bytes);
        }
        self.places.insert(draft.symbol.clone());
        if let Some(id) = draft.id.clone().filter(|_| self.settings.dedup) {
            let lateness_ms = self.settings.allowed_lateness_ms as i64;
            let from = frontier.map_or(0, |ms| self.floor_step((ms - lateness_ms).max(0)));
            let step = self.floor_step(draft.event_ms);
            let known = self.ids.entry((draft.symbol.clone(), id));
            match known {
                Entry::Occupied(known) if *known.get() >= from => {
                    return self.count(self.frontier_step(), Counter::Duplicates);
                }
                Entry::Occupied(mut known) => drop(known.insert(step)),
                Entry::Vacant(new) => drop(new.insert(step)),
            }
        }
        self.newest = self.newest.max(Some(draft.event_ms));
        let time = self.floor_step(frontier.map_or(draft.event_ms, |ms| ms.max(draft.event_ms)));
        let late = frontier.is_some_and(|ms| self.floor_step(draft.event_ms) < self.floor_step(ms));
        let counters = [
            (true, Counter::Trades),
            (late, Counter::Late),
            (draft.volume == 0, Counter::PriceUpdates),
            (draft.flags.is_none(), Counter::Excluded),
            (draft.rounded, Counter::Rounded),
        ];
        for (holds, counter) in counters {
            if holds {
                self.count(time, counter);
            }
        }
        self.trades.push(Trade {
            symbol: draft.symbol,
            place: (draft.event_ms as u64, self.partition, record.offset, index),
            price: draft.price,
            volume: draft.volume,
            flags: draft.flags,
            time,
        });
        if let Some(max_out_of_orderness_ms) = self.settings.max_out_of_orderness_ms {
            self.raise(draft.event_ms.saturating_sub_unsigned(max_out_of_orderness_ms));
        }
    }

    /// Everything that can be said of a trade without its partition.
    fn draft(&self, object: &Object, bytes: &[u8]) -> Result<Draft, Reason> {
        let field = |key| object.get(key).ok_or(Reason::MissingField);
        let (s, p, t, v) = (field("s")?, field("p")?, field("t")?, field("v")?);
        let symbol = text(s).ok_or(Reason::BadSymbol)?;
        if !is_name(&symbol) {
            return Err(Reason::BadSymbol);
        }
        if !is_number(p) {
            return Err(Reason::BadPrice);
        }
        if !is_number(v) {
            return Err(Reason::BadVolume);
        }
        let event_ms = integer(t).ok_or(Reason::BadTime)?;
        let conditions = match object.get("c") {
            None | Some("null") => Vec::new(),
            Some(value) => {
                let texts = array(value).ok_or(Reason::BadConditions)?;
                texts.iter().map(|c| text(c)).collect::<Option<Vec<_>>>().ok_or(Reason::BadConditions)?
            }
        };
        let (Fixed::Value { value: price, rounded: a }, Fixed::Value { value: volume, rounded: b }) =
            (fixed(p, 18), fixed(v, 10))
        else {
            return Err(Reason::OutOfRange);
        };
        // A rounded price has six digits at least.
        let price_fits = price.abs() <= 10_i128.pow(30) && (!a || price.abs() >= 100_000);
        let volume_fits = (0..=10_i128.pow(25)).contains(&volume);
        if !price_fits || !volume_fits || !(EVENT_MS_FIRST..EVENT_MS_END).contains(&event_ms) {
            return Err(Reason::OutOfRange);
        }
        let mut flags = self.settings.conditions.flags(&symbol, &conditions);
        flags.volume &= volume != 0;
        let id = object.get("id").or(object.get("i")).and_then(id);
        Ok(Draft { symbol, price, volume, rounded: a || b, event_ms, flags, id, bytes: bytes.into() })
    }

    fn check_time(&self, record: &Record, draft: &Draft) -> Result<(), Reason> {
        let event_ms = i128::from(draft.event_ms);
        let max_ahead = i128::from(self.settings.max_ahead_trade_ms);
        if self.frontier.is_some_and(|pf| event_ms < i128::from(pf) - i128::from(self.settings.allowed_lateness_ms)) {
            return Err(Reason::BeyondAllowedLateness);
        }
        let believed_from = match self.settings.max_out_of_orderness_ms {
            None => self.frontier.or(record.timestamp_ms.map(|ms| ms.max(0))),
            Some(_) => record.timestamp_ms.map(|ms| ms.max(0)),
        };
        if believed_from.is_some_and(|from| event_ms > i128::from(from) + max_ahead) {
            return Err(Reason::TooFarAhead);
        }
        Ok(())
    }

    fn count(&mut self, time: u64, counter: Counter) {
        self.time_max = self.time_max.max(Some(time));
        self.counts.push((time, counter));
    }
}

/// The name of a control record's source.
fn source(object: &Object) -> Option<String> {
    object.get("source").and_then(text).filter(|name| is_name(name))
}

/// The id of a trade: a text of 1 to 64 bytes, or a number without fraction and exponent as it is written.
fn id(value: &str) -> Option<String> {
    let whole = is_number(value) && !value.contains(['.', 'e', 'E']);
    let id = if whole { value.to_string() } else { text(value)? };
    Some(id).filter(|id| !id.is_empty() && id.len() <= 64)
}
