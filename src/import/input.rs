//! Inputs: files, and standard input.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Chain, Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use super::ImportError;
use super::compression::{Compression, MAGIC_BYTES, for_each_member};
use super::parquet;
use super::utf16::decoded;
use crate::process::os_error;

/// Buffer size in bytes.
const READ_BYTES: usize = 256 << 10;

/// An input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file, or a pipe with a name.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

/// Receives the number of bytes read.
pub type OnBytes<'a> = &'a dyn Fn(u64);

/// Text of an input, with its name and the name of its compression.
pub type OnText<'a> = &'a mut dyn FnMut(&str, &'static str, Box<dyn BufRead + '_>) -> Result<(), ImportError>;

impl Input {
    /// The input that an argument names: `-` is standard input.
    pub fn new(argument: &Path) -> Self {
        if argument.as_os_str() == "-" { Self::Stdin } else { Self::File(argument.to_path_buf()) }
    }

    /// Length in bytes before decompression, 0 if unknown. An error if the file cannot be opened.
    pub fn bytes(&self) -> Result<u64, ImportError> {
        let Self::File(path) = self else { return Ok(0) };
        // A named pipe can be opened once, by who reads it.
        let about = std::fs::metadata(path).map_err(|e| self.failed(&e))?;
        if about.is_dir() {
            return Err(ImportError::Open { input: self.to_string(), why: "is a directory: name its files".into() });
        }
        if about.is_file() {
            File::open(path).map_err(|e| self.failed(&e))?;
        }
        Ok(about.len())
    }

    /// Passes on the text of the input, decompressed and as UTF-8; that of an archive file by file.
    pub fn read(&self, on_bytes: OnBytes<'_>, on_text: OnText<'_>) -> Result<(), ImportError> {
        let (name, failed) = (self.to_string(), |e: &_| self.failed(e));
        let raw: Box<dyn Read> = match self {
            Self::File(path) => Box::new(File::open(path).map_err(|e| failed(&e))?),
            Self::Stdin => Box::new(std::io::stdin().lock()),
        };
        let mut counted = Counted { inner: raw, on_bytes };
        let mut magic = Vec::new();
        counted.by_ref().take(MAGIC_BYTES).read_to_end(&mut magic).map_err(|e| failed(&e))?;
        let compression = Compression::of(&magic);
        let whole: Chain<Cursor<Vec<u8>>, _> = Cursor::new(magic).chain(counted);
        let plain = BufReader::with_capacity(READ_BYTES, whole);
        let text = match compression {
            Compression::Zip => return for_each_member(&name, self.seekable(plain)?, on_text),
            Compression::Parquet => parquet::lines(&name, self.seekable(plain)?)?,
            _ => compression.decompressed(plain).and_then(decoded).map_err(|e| failed(&e))?,
        };
        on_text(&name, compression.name(), text)
    }

    /// The file itself, or piped data as a temporary file: the directory of an archive, or of a Parquet file, is at its
    /// end.
    fn seekable(&self, mut piped: impl Read) -> Result<File, ImportError> {
        if let Self::File(path) = self
            && path.is_file()
        {
            return File::open(path).map_err(|e| self.failed(&e));
        }
        let copy = tempfile::tempfile().and_then(|mut file| {
            std::io::copy(&mut piped, &mut file)?;
            file.rewind()?;
            Ok(file)
        });
        copy.map_err(|e| ImportError::Temporary { folder: std::env::temp_dir(), why: os_error::why(&e) })
    }

    fn failed(&self, error: &std::io::Error) -> ImportError {
        ImportError::Open { input: self.to_string(), why: os_error::why(error) }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}

/// Counts what is read.
struct Counted<'a, R> {
    inner: R,
    on_bytes: OnBytes<'a>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let len = self.inner.read(buffer)?;
        (self.on_bytes)(len as u64);
        Ok(len)
    }
}
