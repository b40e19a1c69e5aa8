//! The only writer of a directory log.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{DirLog, failed, file_name, io_error};
use crate::log::{Log, LogError, LogWriter};
use crate::process::lock_file::{self, LockFailure};
use crate::process::os_error;

/// Buffer size per partition in bytes; a full buffer is written to the file.
const BUFFER_BYTES: usize = 256 << 10;

/// Name of the lock file: the process that has locked it is the writer.
const LOCK_NAME: &str = "writer.lock";

/// Writer of a directory log. Records that are not flushed are lost when it is dropped or the process dies.
#[derive(Debug)]
pub struct DirWriter {
    path: PathBuf,
    partitions: Vec<Partition>,
    /// Locked as long as the writer exists.
    _lock: File,
}

#[derive(Debug)]
struct Partition {
    file: File,
    waiting: Vec<u8>,
}

impl DirWriter {
    /// Opens an existing log for writing. A torn last line of a dead writer gets its line end here, so that its bytes
    /// are kept: as a complete record if only the line end was missing, else as one that will be rejected.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let log = DirLog::open(path)?;
        let lock = lock_file::lock(&path.join(LOCK_NAME)).map_err(|e| match e {
            LockFailure::Held(holder) => LogError::Locked { path: log.name(), holder },
            LockFailure::System(e) => failed(path, "cannot lock it for writing", os_error::why(&e)),
        })?;
        let open = |partition| {
            let file = path.join(file_name(partition));
            let file = OpenOptions::new().read(true).append(true).open(file);
            let file = file.and_then(|mut file| end_torn_line(&mut file).map(|()| file));
            let file = file.map_err(|e| io_error(path, partition, "cannot open the file for writing", e))?;
            Ok(Partition { file, waiting: Vec::new() })
        };
        let partitions = (0..log.partitions()).map(open).collect::<Result<_, _>>()?;
        Ok(Self { path: path.to_path_buf(), partitions, _lock: lock })
    }

    /// Opens a log for writing, created if it does not exist.
    pub fn create(path: &Path, partitions: u32) -> Result<Self, LogError> {
        DirLog::create(path, partitions)?;
        Self::open(path)
    }

    fn write_out(&mut self, partition: u32) -> Result<(), LogError> {
        let Partition { file, waiting } = &mut self.partitions[partition as usize];
        let mut written = 0;
        let result = loop {
            if written == waiting.len() {
                break Ok(());
            }
            match file.write(&waiting[written..]) {
                Ok(0) => break Err(ErrorKind::WriteZero.into()),
                Ok(len) => written += len,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => break Err(e),
            }
        };
        // Bytes in the file are never written twice, even if the caller retries after a failure.
        waiting.drain(..written);
        result.map_err(|e| io_error(&self.path, partition, "cannot append", e))
    }
}

fn end_torn_line(file: &mut File) -> std::io::Result<()> {
    let len = file.metadata()?.len();
    let mut last = [b'\n'];
    if len > 0 {
        file.read_exact_at(&mut last, len - 1)?;
    }
    if last[0] == b'\n' { Ok(()) } else { file.write_all(b"\n") }
}

impl LogWriter for DirWriter {
    fn partitions(&self) -> u32 {
        self.partitions.len() as u32
    }

    fn append(&mut self, partition: u32, _key: Option<&[u8]>, record: &[u8]) -> Result<(), LogError> {
        if memchr::memchr(b'\n', record).is_some() {
            return Err(failed(&self.path, "cannot append", "the record contains a line end".to_string()));
        }
        let Some(Partition { waiting, .. }) = self.partitions.get_mut(partition as usize) else {
            return Err(failed(&self.path, "cannot append", format!("no partition {partition}")));
        };
        waiting.extend_from_slice(record);
        waiting.push(b'\n');
        if waiting.len() >= BUFFER_BYTES { self.write_out(partition) } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), LogError> {
        (0..self.partitions()).try_for_each(|partition| self.write_out(partition))
    }

    fn sync(&mut self) -> Result<(), LogError> {
        self.flush()?;
        for (partition, Partition { file, .. }) in (0..).zip(&self.partitions) {
            file.sync_data().map_err(|e| io_error(&self.path, partition, "cannot sync", e))?;
        }
        Ok(())
    }
}
