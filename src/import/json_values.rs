//! JSON values one after the other, or in an array, over any number of lines, each as one line.

use std::io::BufRead;

use super::ImportError;
use super::lines::LINE_BYTES_MAX;
use crate::process::os_error;

/// Splits a stream of values.
#[derive(Debug)]
struct Splitter {
    /// The value at hand, without white space between its parts.
    value: Vec<u8>,
    /// Depth of brackets in the value.
    depth: usize,
    in_text: bool,
    is_escaped: bool,
    /// An array around all values was opened.
    in_array: bool,
    /// Line of the stream, and of the value's beginning.
    line: u64,
    first_line: u64,
}

/// Calls `each` with every value, on one line, and the line on which it begins. The elements of an array are values of
/// their own.
pub fn for_each(
    name: &str,
    mut input: impl BufRead,
    mut each: impl FnMut(u64, &[u8]) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    let mut splitter = Splitter {
        value: Vec::new(),
        depth: 0,
        in_text: false,
        is_escaped: false,
        in_array: false,
        line: 1,
        first_line: 1,
    };
    loop {
        let failed = |e| ImportError::Read { input: name.to_owned(), line: splitter.line, why: os_error::why(&e) };
        let chunk = input.fill_buf().map_err(failed)?;
        if chunk.is_empty() {
            break;
        }
        for byte in chunk {
            if splitter.takes(*byte) {
                each(splitter.first_line, &splitter.value)?;
                splitter.value.clear();
            }
        }
        if splitter.value.len() > LINE_BYTES_MAX {
            let (input, line) = (name.to_owned(), splitter.first_line);
            return Err(ImportError::TooLong { input, line, max: LINE_BYTES_MAX });
        }
        let len = chunk.len();
        input.consume(len);
    }
    // What was cut off is a value too, an invalid one.
    if splitter.value.is_empty() { Ok(()) } else { each(splitter.first_line, &splitter.value) }
}

impl Splitter {
    /// Adds a byte; `true` when a value is complete.
    fn takes(&mut self, byte: u8) -> bool {
        self.line += u64::from(byte == b'\n');
        if self.in_text {
            // A line end in a text is not JSON, and would tear the record.
            self.value.push(if byte == b'\n' { b' ' } else { byte });
            self.in_text = self.is_escaped || byte != b'"';
            self.is_escaped = !self.is_escaped && byte == b'\\';
            return !self.in_text && self.depth == 0;
        }
        let is_between = self.depth == 0;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => return is_between && !self.value.is_empty(),
            b',' | b']' if is_between => return !self.value.is_empty(),
            b'[' if is_between && !self.in_array && self.value.is_empty() => {
                self.in_array = true;
                return false;
            }
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b'"' => self.in_text = true,
            _ => {}
        }
        if self.value.is_empty() {
            self.first_line = self.line;
        }
        self.value.push(byte);
        matches!(byte, b'}' | b']') && self.depth == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, buffer: usize) -> Vec<String> {
        let mut all = Vec::new();
        let input = std::io::BufReader::with_capacity(buffer, text.as_bytes());
        for_each("x", input, |line, value| {
            all.push(format!("{line}:{}", String::from_utf8_lossy(value)));
            Ok(())
        })
        .unwrap();
        all
    }

    #[test]
    fn values_become_lines() {
        for (text, expected) in [
            ("", vec![]),
            (" [ ] ", vec![]),
            ("[\n{\"a\": 1},\n {\"b\":\t[1, {}]} ]\n", vec!["2:{\"a\":1}", "3:{\"b\":[1,{}]}"]),
            ("{\n\"a\" : \"x , ] \\\" y\"\n}\n{}", vec!["1:{\"a\":\"x , ] \\\" y\"}", "4:{}"]),
            ("[1,\"a b\" , nope]", vec!["1:1", "1:\"a b\"", "1:nope"]),
            ("[{\"a\":1},{\"b\"", vec!["1:{\"a\":1}", "1:{\"b\""]),
            ("[[1,2],[3]]", vec!["1:[1,2]", "1:[3]"]),
            ("[{\"a\":\"\\\\\"}]", vec!["1:{\"a\":\"\\\\\"}"]),
        ] {
            for buffer in [1, 3, 1_000] {
                assert_eq!(values(text, buffer), expected, "{text}");
            }
        }
    }
}
