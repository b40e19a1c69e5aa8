//! A log that is filled at once or at a rate, with the progress records that move the frontier, and a reader that
//! records when each frontier becomes visible.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dataflows::log::batch::RecordBatch;
use tickline::log::address::LogAddress;
use tickline::log::{DeliveryReport, LogWriter};
use tickline::store::address::StoreAddress;

use super::input::{CHUNK, Feed, FeedTrade, Input, PARTITIONS};

/// Interval between progress records.
pub const PROGRESS_MS: u64 = 1_000;
/// Poll interval of the frontier. A reader without pauses would load the node.
const LOOK: Duration = Duration::from_millis(3);

/// A topic of synthetic trades, one per record.
pub struct Feeder {
    writer: Box<dyn LogWriter>,
    partitions: Vec<Partition>,
    /// Progress not yet acknowledged in all partitions: event time, append time, offset by partition.
    waiting: Vec<(u64, Instant, [u64; PARTITIONS])>,
    /// Acknowledgement time of each progress.
    pub acknowledged: BTreeMap<u64, Instant>,
    /// When each progress of [`Self::pace`] was due, however late it was appended.
    pub due: BTreeMap<u64, Instant>,
}

struct Partition {
    events_ms: Vec<u64>,
    records: Vec<RecordBatch>,
    next: usize,
    appended: u64,
    acknowledged_records: u64,
}

impl Feeder {
    /// Creates the topic and generates all trades.
    pub fn new(log: &str, feed: &Feed) -> Self {
        let address: LogAddress = log.parse().unwrap();
        address.create(PARTITIONS as u32).unwrap();
        let Input::Json(records, _) = Input::json(feed) else { panic!("JSON was asked for") };
        let events = feed.feed_trades().into_iter().map(|trades| trades.iter().map(FeedTrade::event_ms).collect());
        let partition =
            |(events_ms, records)| Partition { events_ms, records, next: 0, appended: 0, acknowledged_records: 0 };
        let partitions = events.zip(records).map(partition).collect();
        let writer = address.open_writer().unwrap();
        Self { writer, partitions, waiting: Vec::new(), acknowledged: BTreeMap::new(), due: BTreeMap::new() }
    }

    /// The event time of the first trade.
    pub fn start_ms(&self) -> u64 {
        self.partitions.iter().map(|partition| partition.events_ms[0]).min().unwrap()
    }

    /// Appends all trades before an event time.
    pub fn append(&mut self, end_ms: u64) {
        for (number, partition) in (0..).zip(&mut self.partitions) {
            while partition.events_ms.get(partition.next).is_some_and(|event_ms| *event_ms < end_ms) {
                let batch = &partition.records[partition.next / CHUNK];
                self.writer.append(number, None, batch.record(&batch.records[partition.next % CHUNK])).unwrap();
                partition.next += 1;
                partition.appended += 1;
            }
        }
    }

    /// Reports progress up to an event time in every partition.
    pub fn progress(&mut self, event_ms: u64) {
        let text = format!("{{\"type\":\"progress\",\"source\":\"bench\",\"event_ms\":{event_ms}}}");
        let mut numbers = [0; PARTITIONS];
        for (number, partition) in (0..).zip(&mut self.partitions) {
            self.writer.append(number, None, text.as_bytes()).unwrap();
            partition.appended += 1;
            numbers[number as usize] = partition.appended;
        }
        self.writer.flush().unwrap();
        self.waiting.push((event_ms, Instant::now(), numbers));
    }

    /// Appends trades and one progress per second up to an event time, at full speed; returns once all is durable.
    pub fn fill(&mut self, from_ms: u64, end_ms: u64) {
        for event_ms in (from_ms..end_ms).step_by(PROGRESS_MS as usize).map(|at| (at + PROGRESS_MS).min(end_ms)) {
            self.append(event_ms);
            self.progress(event_ms);
            self.listen();
        }
        self.writer.sync().unwrap();
        self.listen();
    }

    /// Appends trades in real time, with one progress per second, for a duration. `each` is called periodically.
    pub fn pace(&mut self, from_ms: u64, length: Duration, mut each: impl FnMut()) {
        let start = Instant::now();
        let mut progress_ms = from_ms;
        while start.elapsed() < length {
            let now_ms = from_ms + start.elapsed().as_millis() as u64;
            self.append(now_ms.min(progress_ms + PROGRESS_MS));
            if now_ms >= progress_ms + PROGRESS_MS {
                progress_ms += PROGRESS_MS;
                self.due.insert(progress_ms, start + Duration::from_millis(progress_ms - from_ms));
                self.progress(progress_ms);
            }
            self.listen();
            each();
            std::thread::sleep(Duration::from_millis(5));
        }
        self.writer.sync().unwrap();
        self.listen();
    }

    /// For each trade within a span of event time, how long before the progress that makes it visible it was due, in
    /// milliseconds, and that progress.
    pub fn before_progress(&self, span: std::ops::Range<u64>) -> impl Iterator<Item = (u64, f64)> {
        let events_ms = self.partitions.iter().flat_map(|partition| &partition.events_ms);
        let to_progress = |event_ms: &u64| {
            let progress_ms = (event_ms / PROGRESS_MS + 1) * PROGRESS_MS;
            (progress_ms, (progress_ms - event_ms) as f64)
        };
        events_ms.filter(move |event_ms| span.contains(event_ms)).map(to_progress)
    }

    /// Records acknowledgements.
    fn listen(&mut self) {
        let (partitions, waiting) = (&mut self.partitions, &self.waiting);
        let acknowledged = &mut self.acknowledged;
        self.writer.delivery_reports(&mut |report| {
            let DeliveryReport::Acknowledged { partition, after } = report else {
                panic!("a record was lost: {report:?}")
            };
            let acknowledged_records = &mut partitions[partition as usize].acknowledged_records;
            *acknowledged_records += 1;
            let progress = waiting.iter().find(|(_, _, numbers)| numbers[partition as usize] == *acknowledged_records);
            if let Some((event_ms, appended_at, _)) = progress {
                let at = acknowledged.entry(*event_ms).or_insert(*appended_at);
                *at = (*at).max(*appended_at + after);
            }
        });
        let acknowledged_records: Vec<u64> =
            self.partitions.iter().map(|partition| partition.acknowledged_records).collect();
        self.waiting.retain(|(_, _, numbers)| {
            numbers
                .iter()
                .zip(&acknowledged_records)
                .any(|(number, acknowledged_records)| number > acknowledged_records)
        });
    }
}

/// Fills a topic with a whole feed; returns the last progress.
pub fn fill(log: &str, feed: &Feed) -> u64 {
    let mut feeder = Feeder::new(log, feed);
    let last_ms = feeder.partitions.iter().filter_map(|partition| partition.events_ms.last().copied()).max().unwrap();
    let (start_ms, end_ms) = (feeder.start_ms(), (last_ms / PROGRESS_MS + 1) * PROGRESS_MS);
    feeder.fill(start_ms, end_ms);
    end_ms
}

/// Another client, which polls the frontier.
pub struct Reader {
    seen: Arc<Mutex<Vec<(u64, Instant)>>>,
    newest: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    /// Starts polling.
    pub fn start(store: &str) -> Self {
        let mut reader = store.parse::<StoreAddress>().unwrap().open_reader().unwrap();
        let (seen, newest, stop) = <(Arc<Mutex<Vec<_>>>, Arc<AtomicU64>, Arc<AtomicBool>)>::default();
        let (to, latest, until) = (Arc::clone(&seen), Arc::clone(&newest), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !until.load(Ordering::SeqCst) {
                let frontier = reader.frontier().unwrap().map_or(0, |durable| durable.row.frontier);
                if frontier > latest.swap(frontier, Ordering::SeqCst) {
                    to.lock().unwrap().push((frontier, Instant::now()));
                }
                std::thread::sleep(LOOK);
            }
        });
        Self { seen, newest, stop, thread: Some(thread) }
    }

    /// The newest visible frontier.
    pub fn newest(&self) -> u64 {
        self.newest.load(Ordering::SeqCst)
    }

    /// Waits until a frontier is visible; `each` is called periodically.
    pub fn wait_for(&self, frontier: u64, mut each: impl FnMut()) -> Instant {
        loop {
            if let Some((_, at)) = self.seen.lock().unwrap().iter().find(|(seen, _)| *seen >= frontier) {
                return *at;
            }
            each();
            std::thread::sleep(LOOK);
        }
    }

    /// For each progress after a time, the latency in milliseconds from a moment of it until its frontier was visible.
    pub fn latencies_ms(&self, progress: &BTreeMap<u64, Instant>, behind: u64) -> BTreeMap<u64, f64> {
        let seen = self.seen.lock().unwrap();
        let latency = |(event_ms, moment): (&u64, &Instant)| {
            let (_, at) = seen.iter().find(|(frontier, _)| frontier >= event_ms).expect("it was waited for");
            (*event_ms, at.saturating_duration_since(*moment).as_secs_f64() * 1e3)
        };
        progress.range(behind + 1..).map(latency).collect()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
