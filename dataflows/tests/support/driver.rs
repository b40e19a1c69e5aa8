//! One worker driven by hand, record by record, with everything that comes out caught as it comes: rows and progress.

use std::sync::mpsc::Receiver;

use dataflows::build::{Inputs, build};
use dataflows::candles::state::Update;
use dataflows::ingress::Ingress;
use dataflows::log::batch::RecordBatch;
use dataflows::output::row::{CandleRow, GapRow, IndicatorRow, RejectedRow};
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::Time;
use dataflows::settings::Settings;
use timely::dataflow::operators::Probe as _;
use timely::dataflow::operators::capture::{Capture, Event};
use timely::dataflow::operators::probe::Handle as Probe;
use timely::progress::frontier::MutableAntichain;
use timely::worker::Worker;

use crate::oracle::Record;

/// Far more steps than any message needs to get through.
const STEPS: usize = 8;

/// Output since the last call.
#[derive(Clone, Debug, Default)]
pub struct Out {
    /// Updates of the candles.
    pub candles: Vec<Update<CandleRow>>,
    /// Updates of the indicators.
    pub indicators: Vec<Update<IndicatorRow>>,
    /// Updates of the rejected records.
    pub rejected: Vec<Update<RejectedRow>>,
    /// Updates of the gaps.
    pub gaps: Vec<Update<GapRow>>,
}

impl Out {
    /// Nothing came.
    pub fn is_empty(&self) -> bool {
        self.candles.is_empty() && self.indicators.is_empty() && self.rejected.is_empty() && self.gaps.is_empty()
    }
}

/// One output, and how far it says that it is.
struct Caught<R> {
    events: Receiver<Event<Time, Vec<Update<R>>>>,
    frontier: MutableAntichain<Time>,
}

impl<R: std::fmt::Debug> Caught<R> {
    fn new(events: Receiver<Event<Time, Vec<Update<R>>>>) -> Self {
        Self { events, frontier: MutableAntichain::from_elem(0) }
    }

    /// Updates in the order in which they came. None may come once the output has said that its time is over.
    fn drain(&mut self) -> Vec<Update<R>> {
        let mut all = Vec::new();
        for event in self.events.try_iter() {
            match event {
                Event::Progress(changes) => drop(self.frontier.update_iter(changes)),
                Event::Messages(stamp, updates) => {
                    assert!(updates.iter().all(|(_, time, _)| stamp.elements().iter().all(|at| at <= time)));
                    let over = updates.iter().find(|(_, time, _)| !self.frontier.less_equal(time));
                    assert!(over.is_none(), "came after the frontier passed {:?}: {over:?}", self.frontier.frontier());
                    all.extend(updates);
                }
            }
        }
        all
    }
}

/// A worker with some partitions, all its own.
pub struct Driver<'w> {
    worker: &'w mut Worker,
    /// Its way in.
    pub ingress: Ingress,
    inputs: Inputs,
    candles: Caught<CandleRow>,
    indicators: Caught<IndicatorRow>,
    rejected: Caught<RejectedRow>,
    gaps: Caught<GapRow>,
    ledger: Probe<Time>,
    offsets: Vec<u64>,
}

/// Runs `test` with a worker that owns this number of partitions.
pub fn drive<T: Send + 'static>(
    settings: &Settings,
    partitions: u32,
    test: impl FnOnce(&mut Driver<'_>) -> T + Send + Sync + 'static,
) -> T {
    let settings = settings.clone();
    timely::execute_directly(move |worker| test(&mut Driver::new(worker, settings, partitions)))
}

impl<'w> Driver<'w> {
    fn new(worker: &'w mut Worker, settings: Settings, partitions: u32) -> Self {
        let start = |partition| ResumePoint::fresh(partition, 0);
        let (inputs, caught, ledger) = worker.dataflow(|scope| {
            let (inputs, outputs) = build(scope, &settings, vec![], &[], true);
            let candles = Caught::new(outputs.candles.inner.capture());
            let indicators = Caught::new(outputs.indicators.inner.capture());
            let rejected = Caught::new(outputs.rejected.inner.capture());
            let gaps = Caught::new(outputs.gaps.inner.capture());
            (inputs, (candles, indicators, rejected, gaps), outputs.ledger.probe().0)
        });
        let ingress = Ingress::new(settings, 0, 1, (0..partitions).map(start).collect(), 0);
        let (candles, indicators, rejected, gaps) = caught;
        let offsets = vec![0; partitions as usize];
        Self { worker, ingress, inputs, candles, indicators, rejected, gaps, ledger, offsets }
    }

    /// Hands in a text as the partition's next record, and lets the worker work.
    pub fn feed(&mut self, partition: usize, record: &str) -> Out {
        let offset = self.offsets[partition];
        let bytes = record.as_bytes().to_vec();
        self.feed_record(partition, &Record { offset, bytes, is_tombstone: false, timestamp_ms: None })
    }

    /// Hands in a text as the partition's next record, and leaves it there: what is read is sent together later.
    pub fn read(&mut self, partition: usize, record: &str) {
        let mut batch = RecordBatch::default();
        batch.push(self.offsets[partition], record.as_bytes(), None);
        self.offsets[partition] += 1;
        self.ingress.feed(partition, &batch, 0);
    }

    /// Hands in a record, and lets the worker work.
    pub fn feed_record(&mut self, partition: usize, record: &Record) -> Out {
        self.offsets[partition] = record.offset + 1;
        self.ingress.feed(partition, &super::batch(std::slice::from_ref(record)), 0);
        self.work()
    }

    /// Sends what is read, lets the worker work, and gives back what came out by that.
    ///
    /// Checks of every row that it came neither early nor late: its time is before the frontier, and the outputs say
    /// that they are as far as the frontier, and no further.
    pub fn work(&mut self) -> Out {
        let frontier = self.frontier();
        self.inputs.send(self.ingress.take(), frontier);
        for _ in 0..STEPS {
            self.worker.step();
        }
        let out = Out {
            candles: self.candles.drain(),
            indicators: self.indicators.drain(),
            rejected: self.rejected.drain(),
            gaps: self.gaps.drain(),
        };
        let early = out.candles.iter().find(|(_, time, _)| *time >= frontier);
        assert!(early.is_none(), "came before the frontier {frontier} had passed it: {early:?}");
        let early = out.indicators.iter().find(|(_, time, _)| *time >= frontier);
        assert!(early.is_none(), "came before the frontier {frontier} had passed it: {early:?}");
        let frontiers =
            [&self.candles.frontier, &self.indicators.frontier, &self.rejected.frontier, &self.gaps.frontier];
        for said in frontiers {
            assert_eq!(said.frontier().first(), Some(&frontier), "an output is not as far as the input");
        }
        assert!(self.ledger.less_equal(&frontier) && !self.ledger.less_than(&frontier), "the ledger is elsewhere");
        out
    }

    /// The worker's frontier.
    pub fn frontier(&self) -> Time {
        self.ingress.frontier().unwrap()
    }
}
