//! Reads the lines of a file, plain or gzip, into one buffer.

use std::fs::File;
use std::io::{BufRead, BufReader, Chain, Cursor, Read};
use std::path::Path;

use anyhow::Context;
use flate2::bufread::MultiGzDecoder;
use indicatif::ProgressBar;

use crate::command::UsageError;
use crate::process::os_error;

/// Maximum length of a line in bytes, which bounds the memory. The dataflow rejects records over 1 MiB anyway.
const LINE_BYTES_MAX: usize = 16 << 20;
/// Buffer size in bytes.
const READ_BYTES: usize = 256 << 10;
/// First bytes of a gzip file, whatever its name.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Length of a file in bytes. An error if it cannot be read twice.
pub fn check(path: &Path) -> anyhow::Result<u64> {
    let about =
        std::fs::metadata(path).map_err(|e| UsageError(format!("{}: {}", path.display(), os_error::why(&e))))?;
    if about.is_file() {
        return Ok(about.len());
    }
    let why = "is not a regular file: it is read twice, so write a pipe to a file first";
    Err(UsageError(format!("{} {why}", path.display())).into())
}

/// Calls `each` with the number of every line, from 1, and the line without its line end. Advances the bar.
pub fn for_each(
    path: &Path,
    bar: &ProgressBar,
    mut each: impl FnMut(u64, &[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut input = open(path, bar).with_context(|| format!("cannot read {}", path.display()))?;
    let mut line = Vec::new();
    for number in 1.. {
        let at = || format!("{}, line {number}", path.display());
        line.clear();
        let limited = (&mut *input).take(LINE_BYTES_MAX as u64 + 1);
        if { limited }.read_until(b'\n', &mut line).with_context(at)? == 0 {
            return Ok(());
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() > LINE_BYTES_MAX {
            let why = format!("{}: longer than {LINE_BYTES_MAX} bytes, which cannot be a trade: remove it", at());
            return Err(UsageError(why).into());
        }
        each(number, &line)?;
    }
    Ok(())
}

fn open(path: &Path, bar: &ProgressBar) -> std::io::Result<Box<dyn BufRead>> {
    let mut file = bar.wrap_read(File::open(path)?);
    let mut magic = Vec::new();
    file.by_ref().take(GZIP.len() as u64).read_to_end(&mut magic)?;
    let gzip = magic == GZIP;
    let whole: Chain<Cursor<Vec<u8>>, _> = Cursor::new(magic).chain(file);
    let plain = BufReader::with_capacity(READ_BYTES, whole);
    Ok(if gzip { Box::new(BufReader::with_capacity(READ_BYTES, MultiGzDecoder::new(plain))) } else { Box::new(plain) })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn lines(bytes: &[u8]) -> anyhow::Result<Vec<String>> {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(bytes)?;
        let mut all = Vec::new();
        for_each(file.path(), &ProgressBar::hidden(), |number, line| {
            all.push(format!("{number}:{}", String::from_utf8_lossy(line)));
            Ok(())
        })?;
        Ok(all)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_reads_like_plain_text() {
        for (text, wanted) in [
            ("", vec![]),
            ("a", vec!["1:a"]),
            ("a\n", vec!["1:a"]),
            ("a\r\n\nb", vec!["1:a\r", "2:", "3:b"]),
            ("\n", vec!["1:"]),
        ] {
            assert_eq!(lines(text.as_bytes()).unwrap(), wanted);
            assert_eq!(lines(&gzip(text.as_bytes())).unwrap(), wanted);
        }
        let joined = [gzip(b"a\nb"), gzip(b"c\n")].concat();
        assert_eq!(lines(&joined).unwrap(), ["1:a", "2:bc"], "gzip members are concatenated");
    }

    #[test]
    fn a_truncated_gzip_file_is_an_error() {
        let whole = gzip(&b"{\"a\":1}\n".repeat(1_000));
        assert!(lines(&whole[..whole.len() - 9]).is_err());
    }

    #[test]
    fn an_endless_line_is_an_error() {
        let error = lines(&vec![b'x'; LINE_BYTES_MAX + 1]).unwrap_err();
        assert!(error.to_string().contains("line 1"), "{error}");
        assert_eq!(lines(&vec![b'x'; LINE_BYTES_MAX]).unwrap().len(), 1);
    }
}
