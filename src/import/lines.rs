//! Lines of an input, in one buffer.

use std::io::{BufRead, Read};

use super::ImportError;
use crate::process::os_error;

/// Maximum length of a line in bytes, which bounds the memory. The dataflow rejects records over 1 MiB anyway.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// Calls `each` with the number of every line, from 1, and the line without its line end (LF or CR LF). Blank lines are
/// skipped.
pub fn for_each(
    name: &str,
    mut input: impl BufRead,
    mut each: impl FnMut(u64, &[u8]) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    let mut buffer = Vec::new();
    for number in 1.. {
        buffer.clear();
        let limited = (&mut input).take(LINE_BYTES_MAX as u64 + 1);
        let failed = |e| ImportError::Read { input: name.to_owned(), line: number, why: os_error::why(&e) };
        if { limited }.read_until(b'\n', &mut buffer).map_err(failed)? == 0 {
            return Ok(());
        }
        if buffer.len() > LINE_BYTES_MAX && buffer.last() != Some(&b'\n') {
            return Err(ImportError::TooLong { input: name.to_owned(), line: number, max: LINE_BYTES_MAX });
        }
        let line = buffer.strip_suffix(b"\n").unwrap_or(&buffer);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !line.trim_ascii().is_empty() {
            each(number, line)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Result<Vec<String>, ImportError> {
        let mut all = Vec::new();
        for_each("x", bytes, |number, line| {
            all.push(format!("{number}:{}", String::from_utf8_lossy(line)));
            Ok(())
        })?;
        Ok(all)
    }

    #[test]
    fn blank_lines_are_skipped() {
        for (text, wanted) in [
            ("", vec![]),
            ("a", vec!["1:a"]),
            ("a\n", vec!["1:a"]),
            ("a\r\n\nb", vec!["1:a", "3:b"]),
            ("\n \t\r\n", vec![]),
            (" a \n", vec!["1: a "]),
        ] {
            assert_eq!(lines(text.as_bytes()).unwrap(), wanted);
        }
    }

    #[test]
    fn an_endless_line_is_an_error() {
        let error = lines(&vec![b'x'; LINE_BYTES_MAX + 1]).unwrap_err();
        assert!(error.to_string().contains("line 1"), "{error}");
        assert_eq!(lines(&vec![b'x'; LINE_BYTES_MAX]).unwrap().len(), 1);
    }
}
