//! Counts the lines of a growing file, each byte once.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes per read while lines are counted or skipped.
const CHUNK_BYTES: usize = 256 << 10;

/// A count: `lines` lines end in the first `bytes` bytes of a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines {
    /// Complete lines.
    pub lines: u64,
    /// Bytes searched.
    pub bytes: u64,
}

impl Lines {
    /// Counts the bytes added since the last call, and returns the number of lines. A file that has become shorter is
    /// counted from its start.
    pub fn count_on(&mut self, file: &File) -> io::Result<u64> {
        if file.metadata()?.len() < self.bytes {
            *self = Self::default();
        }
        self.skip(file, u64::MAX)?;
        Ok(self.lines)
    }

    /// Continues to the end of line number `lines`, or to the end of the file.
    pub fn skip(&mut self, file: &File, lines: u64) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK_BYTES];
        while self.lines < lines {
            let len = read_at(file, &mut chunk, self.bytes)?;
            if len == 0 {
                break;
            }
            let ends = memchr::memchr_iter(b'\n', &chunk[..len]).count() as u64;
            if ends < lines - self.lines {
                self.lines += ends;
                self.bytes += len as u64;
                continue;
            }
            let last = (lines - self.lines) as usize - 1;
            let Some(end) = memchr::memchr_iter(b'\n', &chunk[..len]).nth(last) else { break };
            self.lines = lines;
            self.bytes += end as u64 + 1;
        }
        Ok(())
    }
}

/// Fills the buffer from `position`, or up to the end of the file.
pub fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], position + filled as u64) {
            Ok(0) => break,
            Ok(len) => filled += len,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn skipping_stops_after_the_line_end() {
        let mut file = tempfile::tempfile().unwrap();
        let mut starts = vec![0];
        for n in 0..40_000_u64 {
            let line = format!("{}\n", "x".repeat((n % 37) as usize));
            file.write_all(line.as_bytes()).unwrap();
            starts.push(starts[n as usize] + line.len() as u64);
        }
        file.write_all(b"torn").unwrap();
        for wanted in [0, 1, 2, 999, 39_999, 40_000] {
            let mut lines = Lines::default();
            lines.skip(&file, wanted).unwrap();
            assert_eq!((lines.lines, lines.bytes), (wanted, starts[wanted as usize]));
        }
        let mut lines = Lines::default();
        lines.skip(&file, 40_001).unwrap();
        assert_eq!(lines.lines, 40_000, "no more lines");
        assert_eq!(Lines::default().count_on(&file).unwrap(), 40_000);
    }

    #[test]
    fn only_complete_lines_are_counted() {
        let mut file = tempfile::tempfile().unwrap();
        let mut lines = Lines::default();
        for (text, wanted) in [("a", 0), ("b", 0), ("\n", 1), ("\n\nc", 3), ("\n", 4)] {
            file.write_all(text.as_bytes()).unwrap();
            assert_eq!(lines.count_on(&file).unwrap(), wanted);
        }
        file.set_len(2).unwrap();
        assert_eq!(lines.count_on(&file).unwrap(), 0, "a shorter file is counted from its start");
    }
}
