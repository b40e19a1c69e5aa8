//! How a cluster is reached, beside its hosts: a small TOML file. No message shows a secret.
//!
//! ```toml
//! user = "tickline"
//! password_file = "password"    # or the environment: TICKLINE_CASSANDRA_PASSWORD
//! ca_file = "ca.pem"            # TLS, trusting these authorities and no others
//! local_dc = "datacenter1"      # talk to this data centre alone
//! consistency = "local_quorum"  # or "quorum"
//! ```
//! Files are meant as seen from the folder of this one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use scylla::statement::{Consistency, SerialConsistency};
use serde::Deserialize;

use super::address::CassandraAddress;
use crate::store::StoreError;
use crate::tls;

/// The variable that may hold the password.
pub const PASSWORD_VARIABLE: &str = "TICKLINE_CASSANDRA_PASSWORD";

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    user: Option<String>,
    password_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    local_dc: Option<String>,
    #[serde(default)]
    consistency: Quorum,
}

/// Readers must see what was acknowledged, so reads and writes have to overlap: other levels are no choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quorum {
    /// A majority of the replicas in the local data centre.
    #[default]
    LocalQuorum,
    /// A majority of all replicas.
    Quorum,
}

/// What the file says.
#[derive(Clone, Debug)]
pub struct Config {
    /// User and password.
    pub(super) login: Option<Login>,
    /// Whom to trust; without it the connection is plain.
    pub(super) tls: Option<Arc<ClientConfig>>,
    /// The only data centre to talk to.
    pub(super) local_dc: Option<String>,
    /// How many replicas must answer.
    pub(super) quorum: Quorum,
}

/// A user with a password, which no `Debug` shows.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Quorum {
    /// For reads and writes.
    pub const fn consistency(self) -> Consistency {
        match self {
            Self::LocalQuorum => Consistency::LocalQuorum,
            Self::Quorum => Consistency::Quorum,
        }
    }

    /// For lightweight transactions.
    pub const fn serial(self) -> SerialConsistency {
        match self {
            Self::LocalQuorum => SerialConsistency::LocalSerial,
            Self::Quorum => SerialConsistency::Serial,
        }
    }

    /// For reads of what lightweight transactions wrote.
    pub const fn serial_read(self) -> Consistency {
        match self {
            Self::LocalQuorum => Consistency::LocalSerial,
            Self::Quorum => Consistency::Serial,
        }
    }
}

impl Config {
    /// Reads the file that the address names, and what it names in turn.
    pub fn read(address: &CassandraAddress) -> Result<Self, StoreError> {
        let Some(path) = &address.config else { return Self::of(Written::default(), Path::new("")) };
        let text = std::fs::read_to_string(path).map_err(|error| bad(path, format!("it cannot be read: {error}")))?;
        let written: Written = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start].lines().count().max(1));
            bad(path, format!("line {line}: {}", error.message()))
        })?;
        Self::of(written, path)
    }

    fn of(written: Written, path: &Path) -> Result<Self, StoreError> {
        let beside = |file: &PathBuf| path.parent().unwrap_or(Path::new("")).join(file);
        let password = match &written.password_file {
            Some(file) => {
                let file = beside(file);
                let text = std::fs::read_to_string(&file);
                let why = |error| bad(path, format!("the password in {} cannot be read: {error}", file.display()));
                Some(text.map_err(why)?.trim_end_matches(['\r', '\n']).to_owned())
            }
            None => std::env::var(PASSWORD_VARIABLE).ok().filter(|password| !password.is_empty()),
        };
        let login = match (written.user, password) {
            (Some(user), Some(password)) => Some(Login { user, password }),
            (Some(_), None) => {
                return Err(bad(
                    path,
                    format!("it names a user and no password: add password_file, or set {PASSWORD_VARIABLE}"),
                ));
            }
            (None, Some(_)) if written.password_file.is_some() => {
                return Err(bad(path, "it names a password and no user: add user".to_owned()));
            }
            (None, _) => None,
        };
        let tls = written.ca_file.as_ref().map(|file| tls::trusting(&beside(file))).transpose();
        let tls = tls.map_err(|error| bad(path, error.to_string()))?;
        Ok(Self { login, tls, local_dc: written.local_dc, quorum: written.consistency })
    }
}

fn bad(path: &Path, why: String) -> StoreError {
    StoreError::BadConfig { path: path.display().to_string(), why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit_code::ExitCode as _;

    fn with(text: &str) -> Result<Config, StoreError> {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("cassandra.toml");
        std::fs::write(home.path().join("secret"), "canary\n").unwrap();
        std::fs::write(home.path().join("none.pem"), "nothing").unwrap();
        std::fs::write(&path, text).unwrap();
        Config::read(&CassandraAddress { hosts: vec!["h:1".into()], keyspace: "k".into(), config: Some(path) })
    }

    #[test]
    fn a_file_says_how() {
        let config = with("user = 'u'\npassword_file = 'secret'\nlocal_dc = 'd'\nconsistency = 'quorum'\n").unwrap();
        let login = config.login.clone().unwrap();
        assert_eq!((login.user.as_str(), login.password.as_str()), ("u", "canary"));
        assert_eq!((config.local_dc.as_deref(), config.quorum), (Some("d"), Quorum::Quorum));
        assert!(!format!("{config:?}").contains("canary"));
        let config = with("").unwrap();
        assert!(config.login.is_none() && config.tls.is_none() && config.quorum == Quorum::LocalQuorum);
    }

    #[test]
    fn what_cannot_be_used_is_told_without_secrets() {
        let cases = [
            ("password = 'canary'", "line 1: unknown field `password`"),
            ("\nconsistency = 'one'", "line 2"),
            ("user = 'u'", PASSWORD_VARIABLE),
            ("password_file = 'secret'", "no user"),
            ("user = 'u'\npassword_file = 'nowhere'", "nowhere"),
            ("ca_file = 'none.pem'", "none.pem"),
        ];
        for (text, words) in cases {
            let error = with(text).unwrap_err();
            let shown = error.to_string();
            assert!(shown.contains(words) && !shown.contains("canary"), "{shown}");
            assert_eq!(error.exit_code(), 2);
        }
    }
}
