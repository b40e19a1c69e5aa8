//! Classifies driver errors: transient, permanent, or credentials that are not accepted.

use scylla::errors::{
    ConnectionError, ConnectionPoolError, ConnectionSetupRequestErrorKind, DbError, ExecutionError, MetadataError,
    MetadataFetchErrorKind, NewSessionError, NextPageError, NextRowError, PrepareError, RequestAttemptError,
    RequestError, UseKeyspaceError,
};

use crate::secret::registry::masked;
use crate::store::StoreError;
use crate::store::frontier_row::Damage;

/// A failure without its place.
#[derive(Debug)]
pub enum Failure {
    /// Fenced by a newer epoch.
    Fenced { ours: u64, theirs: u64 },
    /// The stored data cannot have been written.
    Corrupt { what: String, hint: String },
    /// The tables are not those of this program.
    Schema(String),
    /// Retryable: a timeout, an overload, a lost connection. The request may have been applied nevertheless.
    Transient(String),
    /// The credentials are not accepted, or do not allow the request.
    Denied(String),
    /// A retry would fail again.
    Permanent(String),
}

/// What a driver error means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Transient,
    Denied,
    Permanent,
}

impl Failure {
    /// An invalid value in the store.
    pub fn corrupt(what: impl Into<String>) -> Self {
        let hint = "restore the tables, or process the log again into a new keyspace".to_string();
        Self::Corrupt { what: what.into(), hint }
    }

    /// Adds the store and the failed operation.
    pub fn at(self, path: &str, what: &'static str) -> StoreError {
        let path = path.to_string();
        match self {
            Self::Fenced { ours, theirs } => StoreError::Fenced { path, ours, theirs },
            Self::Corrupt { what, hint } => StoreError::Corrupt { path, what, hint },
            Self::Schema(why) => StoreError::Schema { path, why },
            Self::Denied(why) => StoreError::Denied { path, what, why },
            Self::Transient(why) | Self::Permanent(why) => StoreError::Failed { path, what, why },
        }
    }
}

impl From<Damage> for Failure {
    fn from(damage: Damage) -> Self {
        match damage {
            Damage::Value(what) => Self::corrupt(what),
            Damage::Differs { what, hint } => Self::Corrupt { what, hint },
        }
    }
}

impl From<ExecutionError> for Failure {
    fn from(error: ExecutionError) -> Self {
        let kind = match &error {
            ExecutionError::RequestTimeout(_) | ExecutionError::EmptyPlan => Kind::Transient,
            ExecutionError::ConnectionPoolError(pool) => pool_kind(pool),
            ExecutionError::LastAttemptError(attempt) => attempt_kind(attempt),
            ExecutionError::PrepareError(prepare) => prepare_kind(prepare),
            ExecutionError::SchemaAgreementError(_) | ExecutionError::MetadataError(_) => Kind::Transient,
            _ => Kind::Permanent,
        };
        Self::of(kind, &error)
    }
}

impl From<PrepareError> for Failure {
    fn from(error: PrepareError) -> Self {
        Self::of(prepare_kind(&error), &error)
    }
}

impl From<NextPageError> for Failure {
    fn from(error: NextPageError) -> Self {
        let kind = match &error {
            NextPageError::RequestFailure(request) => request_kind(request),
            _ => Kind::Permanent,
        };
        Self::of(kind, &error)
    }
}

impl From<NextRowError> for Failure {
    fn from(error: NextRowError) -> Self {
        match error {
            NextRowError::NextPageError(page) => page.into(),
            other => Self::of(Kind::Permanent, &other),
        }
    }
}

impl From<UseKeyspaceError> for Failure {
    fn from(error: UseKeyspaceError) -> Self {
        let kind = match &error {
            UseKeyspaceError::RequestTimeout(_) => Kind::Transient,
            UseKeyspaceError::RequestError(attempt) => attempt_kind(attempt),
            _ => Kind::Permanent,
        };
        Self::of(kind, &error)
    }
}

impl From<NewSessionError> for Failure {
    fn from(error: NewSessionError) -> Self {
        let kind = match &error {
            // Common where servers and clients start together.
            NewSessionError::FailedToResolveAnyHostname(_) => Kind::Transient,
            NewSessionError::MetadataError(metadata) => metadata_kind(metadata),
            _ => Kind::Permanent,
        };
        Self::of(kind, &error)
    }
}

impl Failure {
    fn of(kind: Kind, error: &dyn std::error::Error) -> Self {
        let why = masked(&error.to_string()).into_owned();
        match kind {
            Kind::Transient => Self::Transient(why),
            Kind::Denied => Self::Denied(why),
            Kind::Permanent => Self::Permanent(why),
        }
    }
}

fn metadata_kind(error: &MetadataError) -> Kind {
    match error {
        MetadataError::ConnectionPoolError(pool) => pool_kind(pool),
        MetadataError::FetchError(fetch) => match &fetch.error {
            MetadataFetchErrorKind::PrepareError(attempt) => attempt_kind(attempt),
            MetadataFetchErrorKind::NextRowError(NextRowError::NextPageError(NextPageError::RequestFailure(
                request,
            ))) => request_kind(request),
            _ => Kind::Permanent,
        },
        _ => Kind::Transient,
    }
}

fn request_kind(error: &RequestError) -> Kind {
    match error {
        RequestError::LastAttemptError(attempt) => attempt_kind(attempt),
        RequestError::ConnectionPoolError(pool) => pool_kind(pool),
        _ => Kind::Transient,
    }
}

fn prepare_kind(error: &PrepareError) -> Kind {
    match error {
        PrepareError::ConnectionPoolError(pool) => pool_kind(pool),
        PrepareError::AllAttemptsFailed { first_attempt } => attempt_kind(first_attempt),
        _ => Kind::Permanent,
    }
}

fn attempt_kind(error: &RequestAttemptError) -> Kind {
    match error {
        RequestAttemptError::DbError(db, why) => db_kind(db, why),
        RequestAttemptError::BrokenConnectionError(_) | RequestAttemptError::UnableToAllocStreamId => Kind::Transient,
        _ => Kind::Permanent,
    }
}

fn db_kind(error: &DbError, why: &str) -> Kind {
    match error {
        // A node that cannot read the table of roles says the same as of a wrong password, in other words.
        DbError::AuthenticationError | DbError::Unauthorized if why.starts_with("Unable to perform auth") => {
            Kind::Transient
        }
        DbError::AuthenticationError | DbError::Unauthorized => Kind::Denied,
        DbError::SyntaxError
        | DbError::Invalid
        | DbError::AlreadyExists { .. }
        | DbError::FunctionFailure { .. }
        | DbError::ConfigError
        | DbError::ProtocolError => Kind::Permanent,
        _ => Kind::Transient,
    }
}

fn pool_kind(error: &ConnectionPoolError) -> Kind {
    match error {
        ConnectionPoolError::Broken { last_connection_error: ConnectionError::ConnectionSetupRequestError(setup) } => {
            match &setup.error {
                ConnectionSetupRequestErrorKind::DbError(db, why) => db_kind(db, why),
                ConnectionSetupRequestErrorKind::MissingAuthentication => Kind::Denied,
                _ => Kind::Transient,
            }
        }
        // An untrusted certificate.
        ConnectionPoolError::Broken { last_connection_error: ConnectionError::IoError(io) } => {
            if io.kind() == std::io::ErrorKind::InvalidData { Kind::Permanent } else { Kind::Transient }
        }
        ConnectionPoolError::NodeDisabledByHostFilter => Kind::Permanent,
        _ => Kind::Transient,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use scylla::errors::{BrokenConnectionErrorKind, WriteType};
    use scylla::statement::Consistency;

    use super::*;

    fn is_retryable(error: ExecutionError) -> bool {
        matches!(Failure::from(error), Failure::Transient(_))
    }

    fn db(error: DbError) -> ExecutionError {
        RequestAttemptError::DbError(error, "said".to_owned()).into()
    }

    #[test]
    fn transient_errors_are_retryable() {
        let (consistency, received, required) = (Consistency::LocalQuorum, 0, 2);
        let timeout = DbError::WriteTimeout { consistency, received, required, write_type: WriteType::UnloggedBatch };
        assert!(is_retryable(db(timeout)));
        assert!(is_retryable(db(DbError::Unavailable { consistency, required, alive: 1 })));
        for error in [DbError::Overloaded, DbError::IsBootstrapping, DbError::ServerError] {
            assert!(is_retryable(db(error)));
        }
        assert!(is_retryable(ExecutionError::RequestTimeout(Duration::from_secs(1))));
        let broken = RequestAttemptError::BrokenConnectionError(BrokenConnectionErrorKind::ChannelError.into());
        assert!(is_retryable(broken.into()));
        let refused = ConnectionError::IoError(Arc::new(std::io::ErrorKind::ConnectionRefused.into()));
        assert!(is_retryable(ConnectionPoolError::Broken { last_connection_error: refused }.into()));
    }

    #[test]
    fn credentials_are_denied_by_the_cluster_alone() {
        for error in [DbError::AuthenticationError, DbError::Unauthorized] {
            let said = |why: &str| ExecutionError::from(RequestAttemptError::DbError(error.clone(), why.to_owned()));
            assert!(matches!(Failure::from(said("Provided username x is incorrect")), Failure::Denied(_)));
            assert!(is_retryable(said("Unable to perform authentication: Cannot achieve consistency level QUORUM")));
        }
    }

    #[test]
    fn permanent_errors_are_not_retryable() {
        for error in [DbError::Invalid, DbError::SyntaxError, DbError::ConfigError] {
            assert!(!is_retryable(db(error.clone())));
            let prepare =
                PrepareError::AllAttemptsFailed { first_attempt: RequestAttemptError::DbError(error, "".into()) };
            assert!(!is_retryable(prepare.into()));
        }
        let untrusted = ConnectionError::IoError(Arc::new(std::io::ErrorKind::InvalidData.into()));
        assert!(!is_retryable(ConnectionPoolError::Broken { last_connection_error: untrusted }.into()));
    }
}
