//! Drives the pure dataflow over an input: feed a chunk of each partition, send, step; until every row is out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dataflows::build::{Outputs, build};
use dataflows::ingress::Ingress;
use dataflows::log::batch::RecordBatch;
use dataflows::progress::resume::ResumePoint;
use dataflows::progress::time::Time;
use dataflows::settings::Settings;
use timely::dataflow::operators::{Inspect, Probe, probe::Handle};
use timely::worker::Worker;

use super::input::{CHUNK, Input, PARTITIONS};

/// Runs everything; returns the number of row updates.
pub fn run(settings: &Settings, input: &Arc<Input>, workers: usize) -> u64 {
    let updates = Arc::new(AtomicU64::new(0));
    let (settings, input, counter) = (settings.clone(), Arc::clone(input), Arc::clone(&updates));
    let config = timely::Config::process(workers);
    let guards = timely::execute(config, move |worker| work(worker, &settings, &input, &counter));
    let joined = guards.expect("threads").join();
    assert!(joined.iter().all(Result::is_ok), "a worker failed");
    updates.load(Ordering::Relaxed)
}

fn work(worker: &mut Worker, settings: &Settings, input: &Input, updates: &Arc<AtomicU64>) {
    let (index, peers) = (worker.index(), worker.peers());
    let owned: Vec<usize> = (index..PARTITIONS).step_by(peers).collect();
    let start = |&p: &usize| ResumePoint::fresh(p as u32, 0);
    let mut ingress = Ingress::new(settings.clone(), index, peers, owned.iter().map(start).collect(), 0);
    let (mut inputs, probe) = worker.dataflow(|scope| {
        let (inputs, outputs) = build(scope, settings, Vec::new(), &[], true);
        (inputs, count(outputs, updates))
    });
    for chunk in 0..=input.chunks() {
        for (at, &partition) in owned.iter().enumerate() {
            feed(&mut ingress, at, input, partition, chunk);
        }
        let outgoing = ingress.take();
        inputs.send(outgoing, ingress.frontier().unwrap_or(Time::MAX));
        worker.step();
        while inputs.is_behind() {
            worker.step();
        }
    }
    let end = ingress.frontier().unwrap_or(Time::MAX);
    while probe.less_than(&end) {
        worker.step();
    }
    worker.drop_dataflow(0);
}

/// Feeds one chunk and the progress record after it.
fn feed(ingress: &mut Ingress, at: usize, input: &Input, partition: usize, chunk: usize) {
    let newest_ms = match input {
        Input::Decoded(partitions, names) => {
            let feed_trades = &partitions[partition];
            let (from, to) = ((chunk * CHUNK).min(feed_trades.len()), ((chunk + 1) * CHUNK).min(feed_trades.len()));
            for (feed_trade, offset) in feed_trades[from..to].iter().zip(from as u64..) {
                ingress.feed_decoded(at, offset, &feed_trade.raw(names));
            }
            feed_trades.get(to).map(super::input::FeedTrade::event_ms)
        }
        Input::Json(partitions, progress) => {
            if let Some(batch) = partitions[partition].get(chunk) {
                ingress.feed(at, batch, 0);
            }
            progress[partition].get(chunk).copied()
        }
    };
    let progress_ms = newest_ms.unwrap_or(super::input::END_MS);
    let mut progress = RecordBatch::default();
    let text = format!("{{\"type\":\"progress\",\"source\":\"bench\",\"event_ms\":{progress_ms}}}");
    progress.push(u64::MAX / 2 + chunk as u64, text.as_bytes(), None);
    ingress.feed(at, &progress, 0);
}

fn count(outputs: Outputs<'_>, updates: &Arc<AtomicU64>) -> Handle<Time> {
    let (candles, indicators) = (Arc::clone(updates), Arc::clone(updates));
    let probe = Handle::new();
    outputs.ledger.probe_with(&probe);
    outputs.candles.inner.inspect_core(move |event| {
        let _ = event.map(|(_, batch)| candles.fetch_add(batch.len() as u64, Ordering::Relaxed));
    });
    outputs.indicators.inner.inspect_core(move |event| {
        let _ = event.map(|(_, batch)| indicators.fetch_add(batch.len() as u64, Ordering::Relaxed));
    });
    probe
}
