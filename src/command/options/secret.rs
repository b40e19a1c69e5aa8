//! Secrets: from the environment or a file, never from an argument, which every user of a machine can read.

use std::path::Path;

use crate::command::UsageError;
use crate::finnhub::Secret;

/// The environment variable that holds the feed's key.
pub const VARIABLE: &str = "FINNHUB_TOKEN";

/// Reads the key; the file counts before the environment. It is a usage error when there is none.
pub fn read(file: Option<&Path>) -> Result<Secret, UsageError> {
    let none = || UsageError(format!("there is no key: set {VARIABLE}, or name a file with --token-file"));
    read_if_any(VARIABLE, file)?.ok_or_else(none)
}

/// The key of the environment, where there is one.
pub fn from_environment() -> Option<Secret> {
    let token = Secret::new(&std::env::var(VARIABLE).ok()?);
    (!token.expose().is_empty()).then_some(token)
}

/// Reads a secret of a file, or else of an environment variable. An empty one is a usage error.
pub fn read_if_any(variable: &str, file: Option<&Path>) -> Result<Option<Secret>, UsageError> {
    let read = |path: &Path| {
        std::fs::read_to_string(path)
            .map_err(|error| UsageError(format!("the file {} cannot be read: {error}", path.display())))
    };
    let text = file.map(read).transpose()?.or_else(|| std::env::var(variable).ok());
    let secret = text.map(|text| Secret::new(&text));
    let place = || file.map_or_else(|| variable.to_owned(), |path| path.display().to_string());
    if secret.as_ref().is_some_and(|secret| secret.expose().is_empty()) {
        return Err(UsageError(format!("{} is empty", place())));
    }
    Ok(secret)
}

/// An address that holds a key is a usage error: addresses are shown.
pub fn keep_out_of(name: &str, url: &str) -> Result<(), UsageError> {
    if url.contains("token=") {
        return Err(UsageError(format!("{name} holds a key: leave it out, and set {VARIABLE}")));
    }
    Ok(())
}
