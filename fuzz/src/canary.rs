//! A secret that is put into a text where a value is: no message about the text may show it.

/// The secret. No word of a message looks like it.
pub const CANARY: &str = "Zq7canary";

/// The text with the secret in the value of one of its lines `name = value`; `None` if it has no such line.
pub fn planted(text: &str, line: usize, offset: usize) -> Option<String> {
    // What is before the sign is a name only where there is one sign, and no section's head.
    let is_setting = |line: &&str| line.matches('=').count() == 1 && !line.trim_start().starts_with('[');
    let lines: Vec<&str> = text.split_inclusive('\n').filter(is_setting).collect();
    let chosen = *lines.get(line % lines.len().max(1))?;
    let value = chosen.find('=')? + 1;
    let spaces = chosen[value..].len() - chosen[value..].trim_start_matches(' ').len();
    let at = chosen.floor_char_boundary(value + spaces + offset);
    // The lines are parts of the text, so their place in it is known.
    let start = chosen.as_ptr() as usize - text.as_ptr() as usize;
    Some([&text[..start + at], CANARY, &text[start + at..]].concat())
}
