//! The embedded log: a directory with one append-only JSON Lines file per partition.
//!
//! `PATH/partition-00000.jsonl`, `PATH/partition-00001.jsonl`, ...: a record is a line, its offset the number of
//! earlier lines, so `sed -n '43p'` prints the record at offset 42, even while the file is being written. The number of
//! files is the number of partitions. A last line without a line end is not yet a record. `PATH/log-id` holds the
//! identity of the log.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::{Log, LogError, PartitionReader};
use crate::process::durable_file::sync_directory;
use crate::process::os_error;

mod identity;
mod lines;
mod reader;
mod writer;

pub use reader::DirReader;
pub use writer::DirWriter;

use lines::Lines;

/// Maximum number of partitions of a directory log.
pub const PARTITIONS_MAX: u32 = 1024;

/// A log in a directory.
#[derive(Debug)]
pub struct DirLog {
    path: PathBuf,
    identity: String,
    /// Lines counted so far, by partition.
    counted: Vec<Mutex<Lines>>,
}

impl DirLog {
    /// Opens an existing log.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let found = numbers(path)?;
        if found.is_empty() {
            return Err(missing(path, "it has no file partition-00000.jsonl; check the path"));
        }
        match (0..).zip(&found).find(|(wanted, have)| wanted != *have) {
            // The first partition is created last, and the identity after it.
            Some((0, _)) if !identity::exists(path) => {
                Err(missing(path, "a writer is creating it, or was stopped meanwhile: try again when it is there"))
            }
            None => Self::of(path, found.len() as u32),
            Some((wanted, _)) => Err(LogError::Damaged {
                path: path.display().to_string(),
                what: format!("{} is missing, although later partitions exist", file_name(wanted)),
                hint: "restore the file: its records are part of the log".to_string(),
            }),
        }
    }

    /// Opens a log, created if it does not exist. An existing log must have this number of partitions.
    pub fn create(path: &Path, partitions: u32) -> Result<Self, LogError> {
        if partitions == 0 || partitions > PARTITIONS_MAX {
            let why = format!("a directory log has 1 to {PARTITIONS_MAX} partitions");
            return Err(failed(path, "cannot create it", why));
        }
        fs::create_dir_all(path).map_err(|e| failed(path, "cannot create the directory", os_error::why(&e)))?;
        if numbers(path)?.first() != Some(&0) {
            // The first partition is created last: without it, a log that is only partly created is not opened.
            for partition in (0..partitions).rev() {
                let file = path.join(file_name(partition));
                let created = OpenOptions::new().append(true).create(true).open(&file).and_then(|f| f.sync_all());
                created.map_err(|e| io_error(path, partition, "cannot create the file", e))?;
            }
            sync_directory(path).map_err(|e| failed(path, "cannot sync the directory", os_error::why(&e)))?;
        }
        let log = Self::open(path)?;
        if log.partitions() == partitions {
            Ok(log)
        } else {
            Err(LogError::Partitions { path: log.name(), has: log.partitions(), wanted: partitions })
        }
    }

    /// Whether the log may still be created: there is no first partition, and it has never been opened.
    pub fn is_yet_to_come(path: &Path) -> bool {
        !Self::exists(path) && !identity::exists(path)
    }

    /// Whether the log exists.
    pub fn exists(path: &Path) -> bool {
        path.join(file_name(0)).exists()
    }

    fn of(path: &Path, partitions: u32) -> Result<Self, LogError> {
        let counted = (0..partitions).map(|_| Mutex::new(Lines::default())).collect();
        let identity = identity::of(path).map_err(|e| failed(path, "cannot read its identity", os_error::why(&e)))?;
        Ok(Self { path: path.to_path_buf(), identity, counted })
    }

    fn file(&self, partition: u32) -> Result<File, LogError> {
        if partition >= self.partitions() {
            let why = format!("no partition {partition}: it has 0 to {}", self.partitions() - 1);
            return Err(failed(&self.path, "cannot open a partition", why));
        }
        let path = self.path.join(file_name(partition));
        File::open(path).map_err(|e| io_error(&self.path, partition, "cannot open the file", e))
    }
}

impl Log for DirLog {
    fn partitions(&self) -> u32 {
        self.counted.len() as u32
    }

    fn first_offset(&self, _partition: u32) -> Result<u64, LogError> {
        Ok(0)
    }

    fn end_offset(&self, partition: u32) -> Result<u64, LogError> {
        let file = self.file(partition)?;
        let mut counted = match self.counted[partition as usize].lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        };
        counted.count_on(&file).map_err(|e| io_error(&self.path, partition, "cannot count its lines", e))
    }

    fn reader(&self, partition: u32, offset: u64) -> Result<Box<dyn PartitionReader>, LogError> {
        let file = self.file(partition)?;
        Ok(Box::new(DirReader::open(&self.path, partition, file, offset)?))
    }

    fn name(&self) -> String {
        format!("dir:{}", self.path.display())
    }

    fn identity(&self) -> String {
        self.identity.clone()
    }
}

/// File name of a partition.
pub fn file_name(partition: u32) -> String {
    format!("partition-{partition:05}.jsonl")
}

/// Numbers of the existing partition files, ascending.
fn numbers(path: &Path) -> Result<Vec<u32>, LogError> {
    let entries = fs::read_dir(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => missing(path, "`tickline import` or `tickline ingest` creates one"),
        _ => failed(path, "cannot read the directory", os_error::why(&e)),
    })?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| failed(path, "cannot read the directory", os_error::why(&e)))?;
        let name = entry.file_name();
        let digits = name.to_str().and_then(|n| n.strip_prefix("partition-")).and_then(|n| n.strip_suffix(".jsonl"));
        let Some(number) = digits.and_then(|d| d.parse::<u32>().ok()) else { continue };
        if name.to_str() == Some(file_name(number).as_str()) {
            found.push(number);
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn missing(path: &Path, hint: &str) -> LogError {
    LogError::Missing { path: path.display().to_string(), hint: hint.to_string() }
}

fn failed(path: &Path, what: &'static str, why: String) -> LogError {
    LogError::Failed { path: path.display().to_string(), what, why }
}

fn io_error(path: &Path, partition: u32, what: &'static str, source: io::Error) -> LogError {
    LogError::Io { path: path.display().to_string(), partition, what, why: os_error::why(&source), source }
}
