//! Parser of the name of a source.

use dataflows::name_policy;
use dataflows::progress::partition::SOURCE_BYTES_MAX;

/// Parses the name of a source that writes to a log.
pub fn source_name(text: &str) -> Result<String, String> {
    let expected = format!("expected a name of 1 to {SOURCE_BYTES_MAX} bytes");
    if text.is_empty() || text.len() > SOURCE_BYTES_MAX {
        return Err(expected);
    }
    name_policy::check(text).map_err(|why| format!("{why}; {expected} that can be seen"))?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_a_visible_name() {
        for name in ["finnhub", "IC MARKETS 1", "börse", &"a".repeat(SOURCE_BYTES_MAX)] {
            assert_eq!(source_name(name).unwrap(), name);
        }
        assert!(source_name("").is_err() && source_name(&"a".repeat(SOURCE_BYTES_MAX + 1)).is_err());
        for name in ["a\u{1b}[2J", "a\n", "\u{202e}a", "a\u{200b}"] {
            assert!(source_name(name).unwrap_err().contains("U+"), "{name:?}");
        }
    }
}
