//! Finds a secret in a text, in whatever spelling a library has printed it: plain, percent-encoded, escaped as JSON or
//! as Rust's `Debug` does, each also more than once; in Base64; as a list of bytes.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::percent_encode;

/// A secret and the spellings of it as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spelling {
    secret: String,
    encoded: Vec<String>,
}

impl Spelling {
    /// The spellings of a secret.
    pub fn new(secret: &str) -> Self {
        let bytes: Vec<String> = secret.bytes().map(|byte| byte.to_string()).collect();
        let mut encoded = vec![bytes.join(", "), bytes.join(",")];
        for before in 0..3 {
            let padded = [&vec![0; before], secret.as_bytes()].concat();
            // Only the digits that no neighbour of the secret contributes to.
            let digits = (before * 8).div_ceil(6)..padded.len() * 8 / 6;
            for whole in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
                encoded.extend(whole.get(digits.clone()).map(str::to_owned));
            }
        }
        // Where a secret holds what looks like an escape of its own, only the whole is certain.
        let (json, debug) = (serde_json::Value::from(secret).to_string(), format!("{secret:?}"));
        let inner = [json, debug].map(|quoted| quoted[1..quoted.len() - 1].to_owned());
        encoded.extend([secret.to_owned(), percent_encode(secret)].into_iter().chain(inner));
        // A few digits of Base64 appear by chance.
        encoded.retain(|text| text.len() >= secret.len());
        Self { secret: secret.to_owned(), encoded }
    }

    /// Whether these are the spellings of this secret.
    pub fn is_of(&self, secret: &str) -> bool {
        self.secret == secret
    }

    /// Length in bytes of a spelling that begins at this byte of a text.
    pub fn len_at(&self, text: &str, at: usize) -> Option<usize> {
        let whole = || self.encoded.iter().find(|encoded| text[at..].starts_with(*encoded)).map(String::len);
        end_of_all(text.as_bytes(), at, &self.secret).map(|end| end - at).or_else(whole)
    }
}

/// The end of all characters of a secret that is spelled from `at` on.
fn end_of_all(text: &[u8], mut at: usize, secret: &str) -> Option<usize> {
    let mut rest = secret.chars();
    while let Some(c) = rest.next() {
        if c == '%' && text.get(at) == Some(&b'%') {
            // It is plain, or encoded any number of times; what follows it decides.
            let mut end = at + 1;
            while text[end..].starts_with(b"25") {
                if let Some(end) = end_of_all(text, end, rest.as_str()) {
                    return Some(end);
                }
                end += 2;
            }
            at = end;
            continue;
        }
        at = end_of(text, at, c)?;
        if c == '\\' {
            // A run of them, escaped or not, is spelled as a run of them.
            while rest.as_str().starts_with('\\') {
                rest.next();
            }
            while let Some(end) = end_of(text, at, c) {
                at = end;
            }
        }
    }
    Some(at)
}

/// The end of a character that is spelled from `at` on.
fn end_of(text: &[u8], at: usize, c: char) -> Option<usize> {
    let mut buffer = [0; 4];
    let bytes = c.encode_utf8(&mut buffer).as_bytes();
    let percent = || bytes.iter().try_fold(at, |at, byte| end_of_percent(text, at, *byte));
    // Escaped any number of times.
    let after = at + text.get(at..)?.iter().take_while(|byte| **byte == b'\\').count();
    if c == '\\' && after > at {
        return Some(after);
    }
    if text.get(after..)?.starts_with(bytes) {
        return Some(after + bytes.len());
    }
    let is_escape = after > 0 && text[after - 1] == b'\\';
    let escaped = || if is_escape { end_of_escape(text, after, c, bytes) } else { None };
    let plus = || (c == ' ' && text.get(at) == Some(&b'+')).then_some(at + 1);
    escaped().or_else(plus).or_else(percent)
}

/// The end of `%41` for a byte; `%2541` is the same, encoded twice.
fn end_of_percent(text: &[u8], at: usize, byte: u8) -> Option<usize> {
    let mut digits = text.get(at..)?.strip_prefix(b"%")?;
    let wanted = format!("{byte:02x}");
    while !starts_with(digits, &wanted) {
        digits = digits.strip_prefix(b"25")?;
    }
    Some(text.len() - digits.len() + wanted.len())
}

/// The end of an escape after its backslash: `n`, `u00e9`, `u{e9}`, `xc3\xa9`.
fn end_of_escape(text: &[u8], at: usize, c: char, bytes: &[u8]) -> Option<usize> {
    let rest = &text[at..];
    let mut units = [0; 2];
    let json: Vec<String> = c.encode_utf16(&mut units).iter().map(|unit| format!("u{unit:04x}")).collect();
    let hex: Vec<String> = bytes.iter().map(|byte| format!("x{byte:02x}")).collect();
    let letter = match c {
        '\n' => "n",
        '\r' => "r",
        '\t' => "t",
        '\u{8}' => "b",
        '\u{c}' => "f",
        '\0' => "0",
        _ => "",
    };
    let debug = format!("u{{{:x}}}", u32::from(c));
    let spellings = [json.join("\\"), hex.join("\\"), debug, letter.to_owned()];
    let found = spellings.iter().find(|spelling| !spelling.is_empty() && starts_with(rest, spelling))?;
    Some(at + found.len())
}

/// Whether a text begins with this one, in either case.
fn starts_with(text: &[u8], start: &str) -> bool {
    text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start.as_bytes()))
}
