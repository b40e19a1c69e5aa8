//! Sorted runs in one temporary file, which has no name and vanishes with the process.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;

use super::ImportError;
use crate::process::os_error;

/// Memory for all readers of runs together, in bytes.
const READ_BYTES: usize = 64 << 20;
/// Least and greatest buffer of one reader, in bytes.
const BUFFER_BYTES: Range<usize> = 4 << 10..1 << 20;
/// Bytes before each record: its time and its length.
const HEAD_BYTES: usize = 12;

/// The file, and where each run is in it.
#[derive(Debug)]
pub struct Spill {
    file: File,
    runs: Vec<Range<u64>>,
}

/// Reader of one run.
pub struct RunReader<'a> {
    input: BufReader<Region<'a>>,
    /// The record at hand.
    pub record: Vec<u8>,
}

impl Spill {
    /// An empty file.
    pub fn new() -> Result<Self, ImportError> {
        Ok(Self { file: tempfile::tempfile().map_err(|e| failed(&e))?, runs: Vec::new() })
    }

    /// Appends a run of records in order.
    pub fn add<'a>(&mut self, records: impl Iterator<Item = (u64, &'a [u8])>) -> Result<(), ImportError> {
        let start = self.runs.last().map_or(0, |run| run.end);
        let mut end = start;
        let mut output = BufWriter::with_capacity(BUFFER_BYTES.end, &self.file);
        for (time, record) in records {
            let mut head = [0; HEAD_BYTES];
            head[..8].copy_from_slice(&time.to_le_bytes());
            head[8..].copy_from_slice(&(record.len() as u32).to_le_bytes());
            output.write_all(&head).and_then(|()| output.write_all(record)).map_err(|e| failed(&e))?;
            end += (HEAD_BYTES + record.len()) as u64;
        }
        output.flush().map_err(|e| failed(&e))?;
        drop(output);
        self.runs.push(start..end);
        Ok(())
    }

    /// A reader of each run.
    pub fn readers(&self) -> Vec<RunReader<'_>> {
        let bytes = (READ_BYTES / self.runs.len().max(1)).clamp(BUFFER_BYTES.start, BUFFER_BYTES.end);
        let open = |run: &Range<u64>| {
            let region = Region { file: &self.file, at: run.start, end: run.end };
            RunReader { input: BufReader::with_capacity(bytes, region), record: Vec::new() }
        };
        self.runs.iter().map(open).collect()
    }
}

impl RunReader<'_> {
    /// Reads the next record, and returns its time; `None` at the end of the run.
    pub fn next(&mut self) -> Result<Option<u64>, ImportError> {
        let Region { at, end, .. } = *self.input.get_ref();
        if at == end && self.input.buffer().is_empty() {
            return Ok(None);
        }
        let (mut time, mut len) = ([0; 8], [0; 4]);
        self.input.read_exact(&mut time).map_err(|e| failed(&e))?;
        self.input.read_exact(&mut len).map_err(|e| failed(&e))?;
        self.record.resize(u32::from_le_bytes(len) as usize, 0);
        self.input.read_exact(&mut self.record).map_err(|e| failed(&e))?;
        Ok(Some(u64::from_le_bytes(time)))
    }
}

/// A part of the file, read at positions of its own.
struct Region<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Read for Region<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let len = buffer.len().min(usize::try_from(self.end - self.at).unwrap_or(usize::MAX));
        let read = self.file.read_at(&mut buffer[..len], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

fn failed(error: &std::io::Error) -> ImportError {
    ImportError::Temporary { folder: std::env::temp_dir(), why: os_error::why(error) }
}
