//! Imports files: one pass to compute the progress, one to write.

use std::path::Path;

use anyhow::Context;
use dataflows::progress::time::{MAX_AHEAD_MS, STEP_MS, floor_step};

use super::meter::Meter;
use super::plan::Plan;
use super::progress::ProgressRecords;
use super::shape::{Shape, shape};
use super::{Args, PARTITIONS, has_records, lines};
use crate::command::UsageError;
use crate::log::{LogError, LogWriter, sync_all};

/// Runs both passes.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let bytes = args.files.iter().map(|file| lines::check(file)).sum::<anyhow::Result<u64>>()?;
    args.log.open_or_create(args.partitions, PARTITIONS)?;
    let mut writer = args.log.open_writer()?;
    if has_records(&args.log)? {
        eprintln!("{} already has records: trades before its frontier will be late", args.log);
    }
    let mut meter = Meter::new(2 * bytes);
    meter.stage("planning");
    let plans = plan(args, writer.partitions(), &mut meter)?;
    meter.stage("writing");
    let mut import = Import::new(args, &plans, &mut *writer);
    if !args.as_live {
        import.begin()?;
    }
    for file in &args.files {
        lines::for_each(file, &meter.bar.clone(), |number, line| {
            meter.record();
            import.line(line).with_context(|| format!("{}, line {number}", file.display()))
        })?;
    }
    import.end()?;
    meter.end();
    import.summary(meter.seconds());
    Ok(())
}

/// The first pass, which writes nothing.
fn plan(args: &Args, partitions: u32, meter: &mut Meter) -> anyhow::Result<Vec<Plan>> {
    let mut plans = vec![Plan::default(); partitions as usize];
    for file in &args.files {
        lines::for_each(file, &meter.bar.clone(), |number, line| {
            meter.record();
            match shape(line, partitions) {
                Shape::Trades { partition, least_ms, .. } => plans[partition as usize].add(least_ms, STEP_MS),
                Shape::Progress => return Err(progress_in_file(file, number).into()),
                Shape::Other => {}
            }
            Ok(())
        })?;
    }
    Ok(plans)
}

fn progress_in_file(file: &Path, number: u64) -> UsageError {
    UsageError(format!(
        "{}, line {number}: a progress record of another source: remove the line, or copy a whole log with --from-log",
        file.display()
    ))
}

/// The second pass.
struct Import<'a> {
    args: &'a Args,
    plans: &'a [Plan],
    writer: &'a mut dyn LogWriter,
    progress: ProgressRecords,
    partitions: Vec<Partition>,
    /// The newest time of any trade that will be accepted.
    newest_ms: Option<u64>,
    records: u64,
    others: u64,
    too_far_ahead: u64,
}

/// Position of the second pass in a partition.
#[derive(Clone, Copy, Debug, Default)]
struct Partition {
    /// Trades so far.
    trades: u64,
    /// Progress records so far.
    reported: usize,
    /// The last of them, in milliseconds.
    progress_ms: u64,
}

impl<'a> Import<'a> {
    fn new(args: &'a Args, plans: &'a [Plan], writer: &'a mut dyn LogWriter) -> Self {
        let partitions = vec![Partition::default(); plans.len()];
        let progress = ProgressRecords::new(&args.source);
        Self { args, plans, writer, progress, partitions, newest_ms: None, records: 0, others: 0, too_far_ahead: 0 }
    }

    /// Writes the first progress record of every partition; one without trades gets the earliest time of all.
    fn begin(&mut self) -> Result<(), LogError> {
        let Some(least_ms) = self.plans.iter().filter_map(Plan::least_ms).min() else { return Ok(()) };
        for partition in 0..self.plans.len() {
            self.progress(partition as u32, self.plans[partition].least_ms().unwrap_or(least_ms))?;
            self.partitions[partition].reported = 1;
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> anyhow::Result<()> {
        self.records += 1;
        match shape(line, self.plans.len() as u32) {
            Shape::Trades { key, partition, least_ms, greatest_ms } => {
                if self.args.as_live {
                    self.report_newest(greatest_ms)?;
                } else {
                    self.report_planned(partition, least_ms)?;
                }
                self.partitions[partition as usize].trades += 1;
                // The dataflow rejects trades too far ahead; the last progress must not include such a time either.
                if greatest_ms > self.partitions[partition as usize].progress_ms + MAX_AHEAD_MS {
                    self.too_far_ahead += 1;
                } else {
                    self.newest_ms = self.newest_ms.max(Some(greatest_ms));
                }
                Ok(self.writer.append(partition, Some(key.as_bytes()), line)?)
            }
            Shape::Progress => Err(changed()),
            Shape::Other => {
                self.others += 1;
                Ok(self.writer.append(0, None, line)?)
            }
        }
    }

    /// Writes the progress record that the first pass has planned before this trade.
    fn report_planned(&mut self, partition: u32, least_ms: u64) -> anyhow::Result<()> {
        let Partition { trades, reported, progress_ms } = self.partitions[partition as usize];
        let plan = &self.plans[partition as usize];
        if trades >= plan.trades() || least_ms < progress_ms {
            return Err(changed());
        }
        if let Some(next) = plan.progress().get(reported).filter(|next| next.before == trades) {
            self.progress(partition, next.event_ms)?;
            self.partitions[partition as usize].reported += 1;
        }
        Ok(())
    }

    /// Reports progress up to the time step of the newest trade in every partition, as a live source does.
    fn report_newest(&mut self, newest_ms: u64) -> Result<(), LogError> {
        let step_ms = floor_step(newest_ms, STEP_MS);
        if self.newest_ms.is_some_and(|seen| floor_step(seen, STEP_MS) >= step_ms) {
            return Ok(());
        }
        (0..self.plans.len() as u32).try_for_each(|partition| self.progress(partition, step_ms))
    }

    fn progress(&mut self, partition: u32, event_ms: u64) -> Result<(), LogError> {
        self.partitions[partition as usize].progress_ms = event_ms;
        self.progress.progress(self.writer, partition, event_ms)
    }

    /// Reports progress up to the end of the newest trade's time step, and leaves.
    fn end(&mut self) -> anyhow::Result<()> {
        if self.partitions.iter().zip(self.plans).any(|(written, plan)| written.trades != plan.trades()) {
            return Err(changed());
        }
        let newest_ms = self.newest_ms.unwrap_or(0);
        for partition in 0..self.plans.len() as u32 {
            if self.newest_ms.is_some() {
                // Progress never goes back: a partition whose own progress is further ahead keeps it.
                let end_ms = floor_step(newest_ms, STEP_MS) + STEP_MS;
                self.progress(partition, end_ms.max(self.partitions[partition as usize].progress_ms))?;
                self.progress.bye(self.writer, partition)?;
            }
        }
        Ok(sync_all(self.writer, &self.args.log.to_string())?)
    }

    fn summary(&self, seconds: f64) {
        let Self { records, others, too_far_ahead, .. } = self;
        let partitions = self.plans.len();
        let rate = *records as f64 / seconds.max(1e-9);
        let log = &self.args.log;
        eprintln!("{records} records written to {log}, {partitions} partitions, {seconds:.1} s, {rate:.0} per second");
        if *others > 0 {
            eprintln!(
                "{others} of them are not trades: they are in partition 0, and will appear in the table `rejected`"
            );
        }
        if *too_far_ahead > 0 {
            eprintln!(
                "{too_far_ahead} of them are more than {MAX_AHEAD_MS} ms ahead of later trades: they will be rejected \
                 as too_far_ahead unless --max-ahead is larger; sort the file by `t` to avoid that"
            );
        }
        if self.newest_ms.is_none() {
            eprintln!("no trades: no progress is reported and no frontier moves");
        }
    }
}

fn changed() -> anyhow::Error {
    anyhow::anyhow!(
        "the file has changed between the two passes, so the progress may be wrong: remove the log and import again"
    )
}
