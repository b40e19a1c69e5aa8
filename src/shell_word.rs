//! A text as one word of a command that an error suggests, to be copied into a shell.

/// The word, in quotes unless every character is harmless: a name from a log may be any text, also a command.
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./:,@%+".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_word() {
        for plain in ["finnhub", "dir:a/b-1.x", "börse"] {
            assert_eq!(shell_word(plain), plain);
        }
        for text in ["", "IC MARKETS", "a; rm -r x", "$(reboot)", "it's", "a\nb", "`b`", "~", "a=b", "*", "\\u{1b}"] {
            let command = format!("printf %s {}", shell_word(text));
            let output = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), text, "{command}");
        }
    }
}
