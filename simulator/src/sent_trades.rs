//! A file of all trades that the simulator sends: what a log is compared with, trade by trade.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::server::now_ms;

/// The file. One line a trade: `{"sent_ms":..,"trade":{..}}`, the trade byte for byte as it is sent.
#[derive(Debug)]
pub struct SentTrades(Mutex<BufWriter<File>>);

impl SentTrades {
    /// Begins the file anew.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self(Mutex::new(BufWriter::new(File::create(path)?))))
    }

    /// Writes down trades, before they go to the socket: so nothing can arrive that does not stand here.
    pub(super) fn note<'a>(&self, trades: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
        let sent_ms = now_ms();
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for trade in trades {
            write!(file, r#"{{"sent_ms":{sent_ms},"trade":"#)?;
            file.write_all(trade)?;
            file.write_all(b"}\n")?;
        }
        Ok(())
    }

    /// Hands everything to the system.
    pub fn flush(&self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}
