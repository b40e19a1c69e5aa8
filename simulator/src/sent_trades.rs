//! File of all trades that the simulator sent, to compare a log with.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::clock::now_ms;

/// The file: one line per trade, `{"sent_ms":..,"trade":{..}}`, with the trade byte for byte as sent.
#[derive(Debug)]
pub struct SentTrades(Mutex<BufWriter<File>>);

impl SentTrades {
    /// Creates or truncates the file.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self(Mutex::new(BufWriter::new(File::create(path)?))))
    }

    /// Records trades before they go to the socket, so that no trade arrives that is not in the file.
    pub(super) fn record<'a>(&self, trades: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
        let sent_ms = now_ms();
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for trade in trades {
            write!(file, r#"{{"sent_ms":{sent_ms},"trade":"#)?;
            file.write_all(trade)?;
            file.write_all(b"}\n")?;
        }
        Ok(())
    }

    /// Flushes the file.
    pub fn flush(&self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}
