//! Messages to people: log lines, errors, panics. All pass through here, so that none shows a secret or commands the
//! terminal.

use std::backtrace::Backtrace;
use std::borrow::Cow;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::panic::PanicHookInfo;

use tracing_subscriber::EnvFilter;

use super::terminal::colours_are_wanted;
use crate::escape::{escaped_except, escaped_lines};
use crate::secret::registry::masked;

/// Sends log lines to standard error, in colours only on a terminal.
pub fn log_to_stderr(filter: EnvFilter) {
    let is_coloured = io::stderr().is_terminal() && colours_are_wanted();
    let writer = move || LogLine { is_coloured };
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(is_coloured).with_writer(writer).init();
}

/// Writes one log line, which arrives as a whole.
struct LogLine {
    is_coloured: bool,
}

impl Write for LogLine {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        io::stderr().lock().write_all(safe_line(&text, self.is_coloured).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// A log line without secrets, as one line. Escapes of colours are the subscriber's own: it has replaced all others.
fn safe_line(line: &str, is_coloured: bool) -> String {
    let text = masked(line.trim_end_matches('\n'));
    format!("{}\n", escaped_except(&text, |c| is_coloured && c == '\u{1b}'))
}

/// Prints a note about what the command does to standard error. Its results go to standard output.
pub fn note(text: fmt::Arguments<'_>) {
    eprintln!("{}", safe_text(&text.to_string()));
}

/// Prints the error that ends the process.
pub fn print_error(error: &anyhow::Error) {
    eprintln!("tickline: {}", safe_text(&format!("{error:#}")));
}

/// Prints what the command line's parser has to say: an error, or the requested help.
pub fn print_usage(error: &clap::Error) {
    let rendered = error.render();
    let plain = rendered.to_string();
    let shown = |is_terminal: bool| match escaped_lines(&plain) {
        // The parser's own escapes of colours are the only ones.
        Cow::Borrowed(_) if is_terminal && colours_are_wanted() => masked(&rendered.ansi().to_string()).into_owned(),
        safe => masked(&safe).into_owned(),
    };
    // Nobody is left to tell that nobody reads it.
    let _ = if error.use_stderr() {
        io::stderr().write_all(shown(io::stderr().is_terminal()).as_bytes())
    } else {
        io::stdout().write_all(shown(io::stdout().is_terminal()).as_bytes())
    };
}

/// Prints a panic.
pub fn print_panic(info: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("unnamed");
    eprintln!("thread '{name}' {}", safe_text(&format!("{info}\n{}", Backtrace::capture())));
}

/// A text without secrets and without commands for the terminal.
fn safe_text(text: &str) -> String {
    escaped_lines(&masked(text)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_is_one_harmless_line() {
        crate::secret::registry::register("canary-of-lines");
        let line = "\u{1b}[33mWARN\u{1b}[0m canary-of-lines \u{202e}\nINFO forged\n";
        assert_eq!(safe_line(line, true), "\u{1b}[33mWARN\u{1b}[0m *** \\u{202e}\\u{a}INFO forged\n");
        assert!(!safe_line(line, false).contains('\u{1b}'));
    }
}
