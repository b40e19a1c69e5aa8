//! Byte order marks: UTF-8's is skipped, UTF-16 is decoded.

use std::io::{BufRead, BufReader, Cursor, Read, Result};

/// Bytes of UTF-16 that are decoded at once.
const CHUNK_BYTES: usize = 64 << 10;

/// The text as UTF-8 without a mark. Text without a mark is passed on as it is.
pub fn decoded<'a>(mut input: Box<dyn BufRead + 'a>) -> Result<Box<dyn BufRead + 'a>> {
    let mut mark = Vec::new();
    input.by_ref().take(3).read_to_end(&mut mark)?;
    Ok(match *mark {
        [0xef, 0xbb, 0xbf] => input,
        [0xff, 0xfe, ..] => utf16(Cursor::new(mark[2..].to_vec()).chain(input), u16::from_le_bytes),
        [0xfe, 0xff, ..] => utf16(Cursor::new(mark[2..].to_vec()).chain(input), u16::from_be_bytes),
        _ => Box::new(Cursor::new(mark).chain(input)),
    })
}

fn utf16<'a>(input: impl Read + 'a, unit: fn([u8; 2]) -> u16) -> Box<dyn BufRead + 'a> {
    Box::new(BufReader::new(Utf16 { input, unit, rest: Vec::new(), text: Cursor::default() }))
}

struct Utf16<R> {
    input: R,
    unit: fn([u8; 2]) -> u16,
    /// Bytes that are not decoded yet.
    rest: Vec<u8>,
    /// Decoded text.
    text: Cursor<Vec<u8>>,
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            let len = self.text.read(buffer)?;
            if len > 0 || buffer.is_empty() {
                return Ok(len);
            }
            let read = self.input.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut self.rest)?;
            if read == 0 && self.rest.is_empty() {
                return Ok(0);
            }
            self.decode(read == 0);
        }
    }
}

impl<R> Utf16<R> {
    /// Decodes whole characters; at the end, what is left as well.
    fn decode(&mut self, at_end: bool) {
        let mut units: Vec<u16> = self.rest.as_chunks::<2>().0.iter().map(|pair| (self.unit)(*pair)).collect();
        // The second half of a pair may follow in the next chunk.
        if !at_end && units.last().is_some_and(|last| (0xd800..0xdc00).contains(last)) {
            units.pop();
        }
        self.rest.drain(..2 * units.len());
        let mut text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        if at_end && !self.rest.is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
            self.rest.clear();
        }
        self.text = Cursor::new(text.into_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        let mut text = String::new();
        decoded(Box::new(bytes)).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn every_mark_gives_the_same_text() {
        let long = "a\u{1f600}ü\n".repeat(40_000);
        for wanted in ["", "a", "ab", "grüße \u{1f600}\r\n", &long] {
            let bytes = |unit: fn(u16) -> [u8; 2]| wanted.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
            assert_eq!(text(wanted.as_bytes()), wanted);
            assert_eq!(text(&[b"\xef\xbb\xbf", wanted.as_bytes()].concat()), wanted);
            assert_eq!(text(&[b"\xff\xfe".as_slice(), &bytes(u16::to_le_bytes)].concat()), wanted);
            assert_eq!(text(&[b"\xfe\xff".as_slice(), &bytes(u16::to_be_bytes)].concat()), wanted);
        }
        assert_eq!(text(b"\xff\xfea\0\x00\xd8b"), "a\u{fffd}\u{fffd}", "cut in the middle");
    }
}
