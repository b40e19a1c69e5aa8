//! Connection settings of a cluster: a small TOML file. No message shows the password.
//!
//! ```toml
//! user = "tickline"
//! password_file = "password"    # or the environment: TICKLINE_CASSANDRA_PASSWORD
//! ca_file = "ca.pem"            # TLS, trusting only these authorities
//! local_dc = "datacenter1"      # use only this data centre
//! consistency = "local_quorum"  # or "quorum", which a keyspace in several data centres needs
//! ```
//! Paths are relative to the folder of this file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use dataflows::toml_error;
use scylla::client::session::OpenSsl010Config;
use scylla::statement::{Consistency, SerialConsistency};
use serde::Deserialize;

use super::address::CassandraAddress;
use crate::secret::registry;
use crate::store::StoreError;
use crate::tls;

/// Environment variable of the password.
pub const PASSWORD_VARIABLE: &str = "TICKLINE_CASSANDRA_PASSWORD";

/// Contents of the file.
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

/// Lightweight transactions, and the reads that decide about them, are serial over all replicas, whatever the level of
/// rows: two data centres that each agreed among themselves could both open an epoch.
pub const SERIAL: (SerialConsistency, Consistency) = (SerialConsistency::Serial, Consistency::Serial);

/// Consistency level. Readers must see acknowledged writes, so only levels whose reads and writes overlap are allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quorum {
    /// A majority of the replicas in the local data centre.
    #[default]
    LocalQuorum,
    /// A majority of all replicas.
    Quorum,
}

/// Connection settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// User and password.
    pub(super) login: Option<Login>,
    /// TLS settings; without them the connection is plain text.
    pub(super) tls: Option<Tls>,
    /// The only data centre to use.
    pub(super) local_dc: Option<String>,
    /// Consistency level.
    pub(super) quorum: Quorum,
}

/// TLS settings, which the driver shows nothing of.
#[derive(Clone)]
pub(super) struct Tls(pub(super) OpenSsl010Config);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// User and password; `Debug` does not show the password.
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

    /// Fails where a keyspace is kept in several data centres and a quorum of one of them is asked for: what one centre
    /// has acknowledged need not be in another one yet, so a reader there could see a frontier before its rows.
    pub fn check(self, centres: &BTreeSet<String>) -> Result<(), String> {
        if self == Self::Quorum || centres.len() <= 1 {
            return Ok(());
        }
        let centres = centres.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        Err(format!(
            "the keyspace is kept in several data centres ({centres}), where consistency = \"local_quorum\" (the \
             default) lets a reader see a frontier before its rows: write consistency = \"quorum\" into the file that \
             ?config= names, for every process, or keep the keyspace in one data centre"
        ))
    }
}

impl Config {
    /// Reads the file that the address names, and the files that it names in turn.
    pub fn read(address: &CassandraAddress) -> Result<Self, StoreError> {
        let Some(path) = &address.config else { return Self::of(Written::default(), Path::new("")) };
        let text = std::fs::read_to_string(path).map_err(|error| bad(path, format!("cannot read it: {error}")))?;
        let written: Written = toml::from_str(&text).map_err(|error| bad(path, toml_error::describe(&text, &error)))?;
        Self::of(written, path)
    }

    fn of(written: Written, path: &Path) -> Result<Self, StoreError> {
        let relative = |file: &PathBuf| path.parent().unwrap_or(Path::new("")).join(file);
        let password = match &written.password_file {
            Some(file) => {
                let file = relative(file);
                let text = std::fs::read_to_string(&file);
                let why = |error| bad(path, format!("cannot read the password file {}: {error}", file.display()));
                Some(text.map_err(why)?.trim_end_matches(['\r', '\n']).to_owned())
            }
            None => std::env::var(PASSWORD_VARIABLE).ok().filter(|password| !password.is_empty()),
        };
        if let Some(password) = &password {
            registry::register(password);
        }
        let login = match (written.user, password) {
            (Some(user), Some(password)) => Some(Login { user, password }),
            (Some(_), None) => {
                return Err(bad(
                    path,
                    format!("user without a password: add password_file, or set {PASSWORD_VARIABLE}"),
                ));
            }
            (None, Some(_)) if written.password_file.is_some() => {
                return Err(bad(path, "password without a user: add user".to_owned()));
            }
            (None, _) => None,
        };
        let tls = written.ca_file.as_ref().map(|file| tls::trusting(&relative(file))).transpose();
        let tls = tls.map_err(|error| bad(path, error.to_string()))?;
        let tls = tls.map(|builder| Tls(OpenSsl010Config::new(builder)));
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
    fn settings_are_read_from_file() {
        let config = with("user = 'u'\npassword_file = 'secret'\nlocal_dc = 'd'\nconsistency = 'quorum'\n").unwrap();
        let login = config.login.clone().unwrap();
        assert_eq!((login.user.as_str(), login.password.as_str()), ("u", "canary"));
        assert_eq!((config.local_dc.as_deref(), config.quorum), (Some("d"), Quorum::Quorum));
        assert!(!format!("{config:?}").contains("canary"));
        let config = with("").unwrap();
        assert!(config.login.is_none() && config.tls.is_none() && config.quorum == Quorum::LocalQuorum);
    }

    #[test]
    fn several_data_centres_need_a_quorum_of_all() {
        let centres = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(Quorum::LocalQuorum.check(&centres(&["a"])), Ok(()));
        assert_eq!(Quorum::Quorum.check(&centres(&["a", "b"])), Ok(()));
        let refused = Quorum::LocalQuorum.check(&centres(&["a", "b"])).unwrap_err();
        assert!(refused.contains("(a, b)") && refused.contains("consistency = \"quorum\""), "{refused}");
    }

    #[test]
    fn errors_never_show_the_password() {
        let cases = [
            ("password = 'canary'", "line 1, column 1: unknown field `password`"),
            ("consistency = 'canary'", "line 1, column 15: unknown variant"),
            ("user = 'u'\npassword_file = ['canary']", "line 2, column 17: invalid type"),
            ("user = 'u'\npassword canary", "line 2, column "),
            ("\nconsistency = 'one'", "line 2"),
            ("user = 'u'", PASSWORD_VARIABLE),
            ("password_file = 'secret'", "without a user"),
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
