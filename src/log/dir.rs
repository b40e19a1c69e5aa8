//! The embedded log: a directory with one append-only JSON Lines file a partition.
//!
//! `PATH/partition-00000.jsonl`, `PATH/partition-00001.jsonl`, ...: a record is a line, its offset the number of lines
//! before it, so `sed -n '43p'` shows the record at offset 42, also while the file is written. The number of partitions
//! is the number of files. A last line without a line end is not a record yet.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::{Log, LogError, PartitionReader};
use crate::process::os_error;

mod lines;
mod reader;
mod writer;

pub use reader::DirReader;
pub use writer::DirWriter;

use lines::Lines;

/// Most partitions that a directory may hold.
pub const PARTITIONS_MAX: u32 = 1024;

/// A log in a directory.
#[derive(Debug)]
pub struct DirLog {
    path: PathBuf,
    /// What has been counted of each partition so far.
    counted: Vec<Mutex<Lines>>,
}

impl DirLog {
    /// Opens a log that is there.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let found = numbers(path)?;
        if found.is_empty() {
            return Err(missing(path, "it holds no file partition-00000.jsonl: is that the right directory?"));
        }
        match (0..).zip(&found).find(|(wanted, have)| wanted != *have) {
            None => Ok(Self::of(path, found.len() as u32)),
            Some((wanted, _)) => Err(LogError::Damaged {
                path: path.display().to_string(),
                what: format!("{} is not there, although partitions after it are", file_name(wanted)),
                hint: "put the file back: its records are part of the log".to_string(),
            }),
        }
    }

    /// Opens a log, and makes it when it is not there. One that is there must have so many partitions.
    pub fn create(path: &Path, partitions: u32) -> Result<Self, LogError> {
        if partitions == 0 || partitions > PARTITIONS_MAX {
            let why = format!("a log has 1 to {PARTITIONS_MAX} partitions");
            return Err(failed(path, "cannot make it", why));
        }
        fs::create_dir_all(path).map_err(|e| failed(path, "cannot make the directory", os_error::why(&e)))?;
        if numbers(path)?.first() != Some(&0) {
            // The first partition is made last: without it, nobody takes a log that is half made for a whole one.
            for partition in (0..partitions).rev() {
                let file = path.join(file_name(partition));
                let made = OpenOptions::new().append(true).create(true).open(&file).and_then(|f| f.sync_all());
                made.map_err(|e| io_error(path, partition, "cannot make the file", e))?;
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

    /// Whether there is a log.
    pub fn exists(path: &Path) -> bool {
        path.join(file_name(0)).exists()
    }

    fn of(path: &Path, partitions: u32) -> Self {
        let counted = (0..partitions).map(|_| Mutex::new(Lines::default())).collect();
        Self { path: path.to_path_buf(), counted }
    }

    fn file(&self, partition: u32) -> Result<File, LogError> {
        if partition >= self.partitions() {
            let why = format!("it has partitions 0 to {}, not {partition}", self.partitions() - 1);
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
}

/// Name of a partition's file.
pub fn file_name(partition: u32) -> String {
    format!("partition-{partition:05}.jsonl")
}

/// Numbers of the partitions whose files are there, ascending.
fn numbers(path: &Path) -> Result<Vec<u32>, LogError> {
    let entries = fs::read_dir(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => missing(path, "`tickline import` or `tickline ingest` makes one"),
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

/// Makes the names in a directory durable.
fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
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
