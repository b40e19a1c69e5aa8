//! Secret text that is never displayed.

use std::fmt;

pub mod registry;
mod spelling;

use spelling::Spelling;

/// API token. It has no `Display`, a masked `Debug`, and only [`Secret::expose`] returns it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Secret without the surrounding white space that files have.
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The text, for the code that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Masks the secret, in every spelling, in a text that will be displayed.
    pub fn scrub(&self, text: &str) -> String {
        if self.0.is_empty() {
            return text.to_owned();
        }
        registry::masked_with(text, &[Spelling::new(&self.0)]).into_owned()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Percent-encodes a text for the query of a URL.
pub fn percent_encode(text: &str) -> String {
    use fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked() {
        let secret = Secret::new("to ken&1\n");
        assert_eq!(secret.expose(), "to ken&1");
        assert_eq!(format!("{secret:?}"), "Secret(***)");
        assert_eq!(secret.scrub("GET /?token=to%20ken%261 failed: to ken&1"), "GET /?token=*** failed: ***");
        assert_eq!(Secret::new("").scrub("nothing to hide"), "nothing to hide");
    }
}
