//! Writes what was read to a log: the checks before, the part that is already there, and the rest.

use dataflows::log::control::ImportContent;
use dataflows::progress::time::{ALLOWED_LATENESS_MS, MAX_AHEAD_TRADE_MS};

use super::ImportError;
use super::log_state::{Earlier, PartitionState, begun, check_open, earlier, scan};
use super::records::Collected;
use super::sequence::{Sequence, Sink};
use super::written::Written;
use crate::log::address::LogAddress;
use crate::log::partitioner::partition_of;
use crate::log::{LogWriter, sync_all};
use crate::time::rfc3339;

/// Where and how to write.
#[derive(Clone, Copy, Debug)]
pub struct WriteOptions<'a> {
    /// The log, which exists.
    pub log: &'a LogAddress,
    /// Name of the source.
    pub source: &'a str,
    /// Report progress as a live source does.
    pub as_live: bool,
    /// Write although the log already holds the content.
    pub again: bool,
}

/// Number of trades and records written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Records that an interrupted import had already written, control records included.
    pub found: u64,
    /// Trades that are too far ahead.
    pub too_far_ahead: u64,
}

/// Writes the content. `on_record` is called for each record that is written.
pub fn write(
    collected: &Collected,
    content: &ImportContent,
    options: WriteOptions<'_>,
    writer: &mut dyn LogWriter,
    on_record: &mut dyn FnMut(),
) -> Result<Report, ImportError> {
    let name = options.log.to_string();
    let log = options.log.open()?;
    let states = scan(&*log, &content.hash)?;
    check_open(&name, &states, &content.hash)?;
    let (sorted, source, partitions) = (&collected.sorted, options.source, writer.partitions());
    let sequence = Sequence { sorted, content, source, partitions, as_live: options.as_live };
    let mut rest = Rest { writer, name, skip: vec![0; states.len()], on_record };
    match earlier(&states) {
        Earlier::Complete if !options.again => {
            return Err(ImportError::Again { log: rest.name, hash: content.hash.clone() });
        }
        Earlier::Interrupted => {
            check_source(&states, options)?;
            let mut written = Written::new(&*log, &begun(&states))?;
            sequence.emit(&mut written)?;
            rest.skip = written.counts;
        }
        Earlier::None => {
            // A live source brings late trades as a matter of course.
            if !options.as_live {
                check_times(collected, content, &states, options)?;
            }
        }
        Earlier::Complete => {}
    }
    let found = rest.skip.iter().sum();
    let too_far_ahead = sequence.emit(&mut rest)?;
    Ok(Report { found, too_far_ahead })
}

fn check_source(states: &[PartitionState], options: WriteOptions<'_>) -> Result<(), ImportError> {
    let other = states.iter().find(|state| state.begins > 0 && state.begun_by != options.source);
    other.map_or(Ok(()), |state| {
        Err(ImportError::OtherSource { log: options.log.to_string(), begun: state.begun_by.clone() })
    })
}

/// Rejects trades that the dataflow would reject for their time.
fn check_times(
    collected: &Collected,
    content: &ImportContent,
    states: &[PartitionState],
    options: WriteOptions<'_>,
) -> Result<(), ImportError> {
    let log = || options.log.to_string();
    // The earliest of all comes first in the message; the order of the map must not show.
    let mut firsts: Vec<_> = collected.firsts.iter().collect();
    firsts.sort_unstable_by_key(|(symbol, first)| (first.ms, *symbol));
    for (symbol, first) in firsts {
        let state = &states[partition_of(symbol.as_bytes(), states.len() as u32) as usize];
        let Some(frontier_ms) = state.frontier.frontier_ms() else { continue };
        if first.ms + ALLOWED_LATENESS_MS < frontier_ms {
            return Err(ImportError::BeforeFrontier {
                input: collected.looks[first.input].name.clone(),
                symbol: symbol.clone(),
                first: rfc3339(first.ms),
                log: log(),
                frontier: rfc3339(frontier_ms),
            });
        }
    }
    for (partition, state) in (0..).zip(states) {
        let others = state.frontier.sources().filter(|(source, _)| *source != options.source);
        if let Some((source, progress_ms)) = others.min_by_key(|(_, progress_ms)| *progress_ms)
            && progress_ms + MAX_AHEAD_TRADE_MS < content.to_ms
        {
            return Err(ImportError::HeldBack {
                log: log(),
                partition,
                source_name: source.to_owned(),
                progress: rfc3339(progress_ms),
                last: rfc3339(content.to_ms),
            });
        }
    }
    Ok(())
}

/// Writes the part of the sequence that is not in the log yet.
struct Rest<'a> {
    writer: &'a mut dyn LogWriter,
    name: String,
    /// Number of records to pass over, by partition.
    skip: Vec<u64>,
    on_record: &'a mut dyn FnMut(),
}

impl Sink for Rest<'_> {
    fn append(&mut self, partition: u32, key: Option<&str>, record: &[u8]) -> Result<(), ImportError> {
        let skip = &mut self.skip[partition as usize];
        if *skip > 0 {
            *skip -= 1;
            return Ok(());
        }
        (self.on_record)();
        Ok(self.writer.append(partition, key.map(str::as_bytes), record)?)
    }

    fn sync(&mut self) -> Result<(), ImportError> {
        Ok(sync_all(self.writer, &self.name)?)
    }
}
