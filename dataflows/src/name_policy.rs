//! Which characters a name from outside may hold: symbols, sources, exchanges.
//!
//! A name is shown in terminals, pages and spreadsheets, beside other names. A character that is not seen, that moves
//! others, or that is a command for a terminal makes two names look alike or one look like another, so it is forbidden:
//! the general categories Cc, Cf, Zl, Zp and Co of Unicode, its noncharacters, and all that is
//! `Default_Ignorable_Code_Point`, which includes zero-width characters, variation selectors and tags.

use std::cmp::Ordering;

/// Forbidden characters, as inclusive ranges in ascending order.
const FORBIDDEN: [(char, char); 35] = [
    ('\u{0}', '\u{1f}'),
    ('\u{7f}', '\u{9f}'),
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    // Zero-width characters and marks of direction; separators of lines and paragraphs; embedding and override.
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    // Invisible operators and isolates.
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{e000}', '\u{f8ff}'),
    ('\u{fdd0}', '\u{fdef}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{fffe}', '\u{ffff}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{1fffe}', '\u{1ffff}'),
    ('\u{2fffe}', '\u{2ffff}'),
    ('\u{3fffe}', '\u{3ffff}'),
    // Tags and variation selectors.
    ('\u{e0000}', '\u{e0fff}'),
    ('\u{efffe}', '\u{effff}'),
    // Private use, which each font shows as it likes.
    ('\u{f0000}', '\u{10ffff}'),
];

/// Whether a character must not be in a name.
pub fn is_forbidden(c: char) -> bool {
    let order = |&(first, last): &(char, char)| match () {
        () if last < c => Ordering::Less,
        () if first > c => Ordering::Greater,
        () => Ordering::Equal,
    };
    FORBIDDEN.binary_search_by(order).is_ok()
}

/// Why a name is not allowed: the first forbidden character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it holds U+{:04X}, a control character or one that cannot be seen", u32::from(*.0))]
pub struct Forbidden(pub char);

/// Checks that a name holds no forbidden character.
pub fn check(name: &str) -> Result<(), Forbidden> {
    name.chars().find(|&c| is_forbidden(c)).map_or(Ok(()), |c| Err(Forbidden(c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_ascend() {
        assert!(FORBIDDEN.iter().all(|(first, last)| first <= last));
        assert!(FORBIDDEN.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }

    #[test]
    fn names_of_every_script_are_allowed() {
        for name in
            ["AAPL", "BRK.B", "IC MARKETS:1", "BINANCE:BTCUSDT", "=A", "Société Générale", "株式会社", "חברה", "₿"]
        {
            assert_eq!(check(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn hidden_characters_are_found() {
        let hidden = "\0 \u{7} \t \n \r \u{1b} \u{7f} \u{85} \u{9b} \u{ad} \u{34f} \u{61c} \u{180e} \u{200b} \u{200d} \
                      \u{200e} \u{2028} \u{2029} \u{202a} \u{202e} \u{2060} \u{2066} \u{2069} \u{3164} \u{e123} \
                      \u{fe0f} \u{feff} \u{ffa0} \u{fff9} \u{e0001} \u{e0041} \u{e007f} \u{e0100} \u{10fffd}";
        for c in hidden.chars().filter(|c| *c != ' ') {
            assert_eq!(check(&format!("A{c}B")), Err(Forbidden(c)), "{c:?}");
        }
        assert_eq!(Forbidden('\u{1b}').to_string(), "it holds U+001B, a control character or one that cannot be seen");
        // Every control character, whatever the standard library calls one.
        assert!((0..=0x10_ffff).filter_map(char::from_u32).filter(|c| c.is_control()).all(is_forbidden));
    }
}
