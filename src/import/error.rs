//! Errors of an import.

use std::path::PathBuf;

use crate::exit_code::ExitCode;
use crate::log::LogError;
use crate::shell_word::shell_word;

/// Error of an import. Unless it is of the log or of a resumed import, nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// An input cannot be opened.
    #[error("{input}: {why}")]
    Open {
        /// The input.
        input: String,
        /// The reason.
        why: String,
    },
    /// An input cannot be read to its end.
    #[error("{input}, line {line}: cannot read on: {why}; nothing was written: repair or replace the file")]
    Read {
        /// The input.
        input: String,
        /// The line, from 1.
        line: u64,
        /// The reason.
        why: String,
    },
    /// A line that cannot be a trade, and is too long to keep.
    #[error("{input}, line {line}: longer than {max} bytes, which cannot be a trade: remove it")]
    TooLong {
        /// The input.
        input: String,
        /// The line, from 1.
        line: u64,
        /// The limit.
        max: usize,
    },
    /// An input without any trade.
    #[error("{input}: no line is a trade; line {line}: {why}; it is {text}")]
    NoTrades {
        /// The input.
        input: String,
        /// The first line that is not a trade.
        line: u64,
        /// The reason.
        why: String,
        /// Its text, shortened.
        text: String,
    },
    /// A control record of another source in a file.
    #[error(
        "{input}, line {line}: a progress record of another source: remove the line, or copy a whole log with \
         --from-log"
    )]
    ForeignProgress {
        /// The input.
        input: String,
        /// The line, from 1.
        line: u64,
    },
    /// A temporary file cannot be written or read.
    #[error("cannot keep sorted trades in {folder}: {why}; set TMPDIR to a directory with more room")]
    Temporary {
        /// The directory of temporary files.
        folder: PathBuf,
        /// The reason.
        why: String,
    },
    /// The log already holds the content.
    #[error("{log} already holds this content (import {hash}): nothing was written; add --again to write it once more")]
    Again {
        /// The log.
        log: String,
        /// The content's hash.
        hash: String,
    },
    /// Trades before the log's frontier.
    #[error(
        "{input}: its trade of {symbol} at {first} is older than the frontier of {log} ({frontier}) by more than the \
         allowed lateness of 15 min, and would be rejected; nothing was written. To backfill, merge both into a new \
         log: tickline import {} --from-log {log} --log NEW",
        shell_word(input)
    )]
    BeforeFrontier {
        /// The input.
        input: String,
        /// The symbol.
        symbol: String,
        /// The time of the trade.
        first: String,
        /// The log.
        log: String,
        /// The frontier of the symbol's partition.
        frontier: String,
    },
    /// Another live source is too far behind.
    #[error(
        "the source {source_name} holds back {log}, partition {partition}, at {progress}: trades up to {last} would \
         be rejected as too_far_ahead; nothing was written. Wait for it, or if it is gone for good: tickline source \
         retire {} --log {log}",
        shell_word(source_name)
    )]
    HeldBack {
        /// The log.
        log: String,
        /// The partition.
        partition: u32,
        /// The other source.
        source_name: String,
        /// Its progress.
        progress: String,
        /// The last trade.
        last: String,
    },
    /// An import of other content that has begun and not ended.
    #[error(
        "{log} holds an import by the source {source_name} that has begun and not ended; nothing was written. Start it \
         again with the same files first; or give it up, so that its trades stay incomplete: tickline source retire \
         {} --log {log}",
        shell_word(source_name)
    )]
    Unfinished {
        /// The log.
        log: String,
        /// The source that began it.
        source_name: String,
    },
    /// An interrupted import under another source's name.
    #[error("{log}: this content was begun by the source {begun}: continue with --source {}", shell_word(begun))]
    OtherSource {
        /// The log.
        log: String,
        /// The source that began.
        begun: String,
    },
    /// What an interrupted import has written differs from what it would write now.
    #[error(
        "{log}, partition {partition}, offset {offset}: not what the interrupted import of this content wrote: name \
         the same files in the same order, with the same options, or import into a new log"
    )]
    Differs {
        /// The log.
        log: String,
        /// The partition.
        partition: u32,
        /// The first record that differs.
        offset: u64,
    },
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl ExitCode for ImportError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Read { .. } | Self::Temporary { .. } => 1,
            Self::Differs { .. } => 3,
            Self::Log(error) => error.exit_code(),
            _ => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggested_command_runs_nothing_else() {
        let (log, source_name) = ("dir:log".to_owned(), "a; reboot".to_owned());
        let unfinished = ImportError::Unfinished { log, source_name }.to_string();
        assert!(unfinished.ends_with("tickline source retire 'a; reboot' --log dir:log"), "{unfinished}");
        let other = ImportError::OtherSource { log: "dir:log".to_owned(), begun: "$(reboot)".to_owned() };
        assert!(other.to_string().ends_with("--source '$(reboot)'"), "{other}");
    }
}
