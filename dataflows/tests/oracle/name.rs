//! Names of symbols and sources.

use std::sync::LazyLock;

/// The hidden characters as the definitions list them: code points in hexadecimal, alone or from - to.
const HIDDEN: &str = "\
    0-1f 7f-9f ad 34f 600-605 61c 6dd 70f 890-891 8e2 115f-1160 17b4-17b5 180b-180f 200b-200f \
    2028-202e 2060-206f 3164 e000-f8ff fdd0-fdef fe00-fe0f feff ffa0 fff0-fffb fffe-ffff 110bd 110cd \
    13430-1343f 1bca0-1bca3 1d173-1d17a 1fffe-1ffff 2fffe-2ffff 3fffe-3ffff e0000-e0fff efffe-effff \
    f0000-10ffff";

/// Whether a text is a name.
pub fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len()) && !text.chars().any(is_hidden)
}

/// Whether a character may not be in a name.
pub fn is_hidden(c: char) -> bool {
    static RANGES: LazyLock<Vec<(u32, u32)>> = LazyLock::new(|| {
        let number = |hexadecimal: &str| u32::from_str_radix(hexadecimal, 16).unwrap();
        let range = |entry: &str| {
            let (first, last) = entry.split_once('-').unwrap_or((entry, entry));
            (number(first), number(last))
        };
        HIDDEN.split_whitespace().map(range).collect()
    });
    RANGES.iter().any(|(first, last)| *first <= u32::from(c) && u32::from(c) <= *last)
}
