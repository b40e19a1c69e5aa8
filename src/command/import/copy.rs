//! `--from-log`: one log into another, record by record, each to the partition of the same number.
//!
//! Promises are copied with the trades, so nothing has to be promised anew, and a copy into an empty log has every
//! record at its old offset: the same rows and the same digest.

use anyhow::bail;

use super::holds_records;
use super::shape::shape;
use crate::command::UsageError;
use crate::log::address::LogAddress;
use crate::log::{Log, LogError, LogWriter, read_to_end, sync_all};

/// Copies what `from` holds now.
pub fn run(from: &LogAddress, to: &LogAddress, partitions: Option<u32>) -> anyhow::Result<()> {
    if from == to {
        return Err(UsageError(format!("{from} cannot be copied into itself")).into());
    }
    let source = from.open()?;
    to.open_or_create(partitions, source.partitions())?;
    let mut writer = to.open_writer()?;
    if writer.partitions() != source.partitions() {
        let (path, has, wanted) = (to.to_string(), writer.partitions(), source.partitions());
        return Err(LogError::Partitions { path, has, wanted }.into());
    }
    if holds_records(to)? {
        eprintln!("{to} holds records already: the copies get other offsets, and older trades will be late");
    }
    let mut records = 0;
    for partition in 0..source.partitions() {
        records += copy_partition(&*source, &mut *writer, partition)?;
    }
    sync_all(&mut *writer, &to.to_string())?;
    eprintln!("{records} records from {from} into {to}");
    Ok(())
}

fn copy_partition(source: &dyn Log, writer: &mut dyn LogWriter, partition: u32) -> anyhow::Result<u64> {
    let first = source.first_offset(partition)?;
    if first > 0 {
        let name = source.name();
        eprintln!("{name}, partition {partition}: the first {first} offsets are gone, so the copies get lower ones");
    }
    let mut records = 0;
    read_to_end(source, partition, first, |span, record| {
        if span.total_len > span.len as u64 {
            let (name, offset, len) = (source.name(), span.offset, span.total_len);
            bail!("{name}, partition {partition}, offset {offset}: a record of {len} bytes cannot be copied whole");
        }
        // A trade's key is its symbol in every log, so it need not be read from the source.
        let shape = shape(record, writer.partitions());
        writer.append(partition, shape.key().map(str::as_bytes), record)?;
        records += 1;
        Ok(())
    })?;
    Ok(records)
}
