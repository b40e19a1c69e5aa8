//! Secrets: from the environment or a file, never from an argument, which every user of the machine can read.

use std::path::Path;

use crate::command::UsageError;
use crate::secret::{Secret, registry};

/// Environment variable of the feed's API token.
pub const VARIABLE: &str = "FINNHUB_TOKEN";

/// The API token; the file wins over the environment. A missing token is a usage error.
pub fn read(file: Option<&Path>) -> Result<Secret, UsageError> {
    let none = || UsageError(format!("no API token: set {VARIABLE}, or name a file with --token-file"));
    read_if_any(VARIABLE, file)?.ok_or_else(none)
}

/// The API token in the environment, if any.
pub fn from_environment() -> Option<Secret> {
    let token = registered(&std::env::var(VARIABLE).ok()?);
    (!token.expose().is_empty()).then_some(token)
}

/// A secret from a file, or else from an environment variable. An empty one is a usage error.
pub fn read_if_any(variable: &str, file: Option<&Path>) -> Result<Option<Secret>, UsageError> {
    let read = |path: &Path| {
        std::fs::read_to_string(path)
            .map_err(|error| UsageError(format!("cannot read the file {}: {error}", path.display())))
    };
    let text = file.map(read).transpose()?.or_else(|| std::env::var(variable).ok());
    let secret = text.map(|text| registered(&text));
    let place = || file.map_or_else(|| variable.to_owned(), |path| path.display().to_string());
    if secret.as_ref().is_some_and(|secret| secret.expose().is_empty()) {
        return Err(UsageError(format!("{} is empty", place())));
    }
    Ok(secret)
}

/// A secret of which no message shows anything.
fn registered(text: &str) -> Secret {
    registry::register(text);
    Secret::new(text)
}

/// Rejects a URL that contains a token or a password, because URLs are printed and logged.
pub fn keep_out_of(name: &str, url: &str) -> Result<(), UsageError> {
    if url.contains("token=") {
        return Err(UsageError(format!("{name} contains an API token: remove it and set {VARIABLE}")));
    }
    let authority =
        url.split_once("://").map_or("", |(_, rest)| rest).split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(UsageError(format!("{name} contains a user or password: remove it and set {VARIABLE}")));
    }
    Ok(())
}
