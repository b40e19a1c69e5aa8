//! `--from-log`: copies one log to another, record by record, each to the same partition.
//!
//! Progress records are copied with the trades, so none are added, and a copy to an empty log keeps every offset: it
//! has the same rows and the same digest.

use anyhow::bail;

use crate::import::shape::Shape;
use crate::log::address::LogAddress;
use crate::log::{Log, LogError, LogWriter, read_to_end, sync_all};
use crate::process::messages::note;

/// Copies the present contents of `from`.
pub fn run(from: &LogAddress, to: &LogAddress, partitions: Option<u32>) -> anyhow::Result<()> {
    let source = from.open()?;
    to.open_or_create(partitions, source.partitions())?;
    let mut writer = to.open_writer()?;
    if writer.partitions() != source.partitions() {
        let (path, has, wanted) = (to.to_string(), writer.partitions(), source.partitions());
        return Err(LogError::Partitions { path, has, wanted }.into());
    }
    if has_records(to)? {
        note(format_args!(
            "{to} already has records: offsets will differ, and trades before its frontier will be late"
        ));
    }
    let mut records = 0;
    for partition in 0..source.partitions() {
        records += copy_partition(&*source, &mut *writer, partition)?;
    }
    sync_all(&mut *writer, &to.to_string())?;
    note(format_args!("{records} records copied from {from} to {to}"));
    Ok(())
}

fn copy_partition(source: &dyn Log, writer: &mut dyn LogWriter, partition: u32) -> anyhow::Result<u64> {
    let first = source.first_offset(partition)?;
    if first > 0 {
        let name = source.name();
        note(format_args!(
            "{name}, partition {partition}: the first {first} records are deleted, so offsets will be lower in the copy"
        ));
    }
    let mut records = 0;
    let mut shape = Shape::new(writer.partitions());
    read_to_end(source, partition, first, |span, record| {
        if span.total_len > span.len as u64 {
            let (name, offset, len) = (source.name(), span.offset, span.total_len);
            bail!(
                "{name}, partition {partition}, offset {offset}: cannot copy a record of {len} bytes: it is too long"
            );
        }
        // A trade's key is its symbol in every log, so it need not be read from the source.
        shape.read(record);
        writer.append(partition, shape.key().map(str::as_bytes), record)?;
        records += 1;
        Ok(())
    })?;
    Ok(records)
}

/// Whether the log has any records.
fn has_records(log: &LogAddress) -> Result<bool, LogError> {
    let log = log.open()?;
    for partition in 0..log.partitions() {
        if log.end_offset(partition)? > log.first_offset(partition)? {
            return Ok(true);
        }
    }
    Ok(false)
}
