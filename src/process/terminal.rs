//! What the terminal allows.

/// Whether nobody has asked for none (`NO_COLOR`, as many programs take it: set, and not empty).
pub fn colours_are_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
