//! The feed's key: from the environment or a file, never from an argument, which every user of a machine can read.

use std::path::Path;

use super::UsageError;
use crate::finnhub::Secret;

/// The environment variable that holds the key.
pub const VARIABLE: &str = "FINNHUB_TOKEN";

/// Reads the key; the file counts before the environment. It is a usage error when there is none.
pub fn read(file: Option<&Path>) -> Result<Secret, UsageError> {
    let token = match file {
        Some(path) => std::fs::read_to_string(path)
            .map(|text| Secret::new(&text))
            .map_err(|error| UsageError(format!("the key file {} cannot be read: {error}", path.display())))?,
        None => from_environment()
            .ok_or_else(|| UsageError(format!("there is no key: set {VARIABLE}, or name a file with --token-file")))?,
    };
    if token.expose().is_empty() { Err(UsageError("the key is empty".to_owned())) } else { Ok(token) }
}

/// The key of the environment, where there is one.
pub fn from_environment() -> Option<Secret> {
    let token = Secret::new(&std::env::var(VARIABLE).ok()?);
    (!token.expose().is_empty()).then_some(token)
}

/// An address that holds a key is a usage error: addresses are shown.
pub fn keep_out_of(name: &str, url: &str) -> Result<(), UsageError> {
    if url.contains("token=") {
        return Err(UsageError(format!("{name} holds a key: leave it out, and set {VARIABLE}")));
    }
    Ok(())
}
