//! Properties of the terminal.

/// Whether colours may be used: `NO_COLOR` is unset or empty, as is the convention.
pub fn colours_are_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
