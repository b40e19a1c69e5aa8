//! Classifies driver errors as transient or permanent.

use scylla::errors::{
    ConnectionError, ConnectionPoolError, ConnectionSetupRequestErrorKind, DbError, ExecutionError, MetadataError,
    MetadataFetchErrorKind, NewSessionError, NextPageError, NextRowError, PrepareError, RequestAttemptError,
    RequestError, UseKeyspaceError,
};

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
    /// A retry would fail again.
    Permanent(String),
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
        let is_retryable = match &error {
            ExecutionError::RequestTimeout(_) | ExecutionError::EmptyPlan => true,
            ExecutionError::ConnectionPoolError(pool) => pool_is_retryable(pool),
            ExecutionError::LastAttemptError(attempt) => attempt_is_retryable(attempt),
            ExecutionError::PrepareError(prepare) => prepare_is_retryable(prepare),
            ExecutionError::SchemaAgreementError(_) | ExecutionError::MetadataError(_) => true,
            _ => false,
        };
        Self::of(is_retryable, &error)
    }
}

impl From<PrepareError> for Failure {
    fn from(error: PrepareError) -> Self {
        Self::of(prepare_is_retryable(&error), &error)
    }
}

impl From<NextPageError> for Failure {
    fn from(error: NextPageError) -> Self {
        let is_retryable = matches!(&error, NextPageError::RequestFailure(request) if request_is_retryable(request));
        Self::of(is_retryable, &error)
    }
}

impl From<NextRowError> for Failure {
    fn from(error: NextRowError) -> Self {
        match error {
            NextRowError::NextPageError(page) => page.into(),
            other => Self::of(false, &other),
        }
    }
}

impl From<UseKeyspaceError> for Failure {
    fn from(error: UseKeyspaceError) -> Self {
        let is_retryable = match &error {
            UseKeyspaceError::RequestTimeout(_) => true,
            UseKeyspaceError::RequestError(attempt) => attempt_is_retryable(attempt),
            _ => false,
        };
        Self::of(is_retryable, &error)
    }
}

impl From<NewSessionError> for Failure {
    fn from(error: NewSessionError) -> Self {
        let is_retryable = match &error {
            // Common where servers and clients start together.
            NewSessionError::FailedToResolveAnyHostname(_) => true,
            NewSessionError::MetadataError(metadata) => metadata_is_retryable(metadata),
            _ => false,
        };
        Self::of(is_retryable, &error)
    }
}

impl Failure {
    fn of(is_retryable: bool, error: &dyn std::error::Error) -> Self {
        let why = error.to_string();
        if is_retryable { Self::Transient(why) } else { Self::Permanent(why) }
    }
}

fn metadata_is_retryable(error: &MetadataError) -> bool {
    match error {
        MetadataError::ConnectionPoolError(pool) => pool_is_retryable(pool),
        MetadataError::FetchError(fetch) => match &fetch.error {
            MetadataFetchErrorKind::PrepareError(attempt) => attempt_is_retryable(attempt),
            MetadataFetchErrorKind::NextRowError(NextRowError::NextPageError(NextPageError::RequestFailure(
                request,
            ))) => request_is_retryable(request),
            _ => false,
        },
        _ => true,
    }
}

fn request_is_retryable(error: &RequestError) -> bool {
    match error {
        RequestError::LastAttemptError(attempt) => attempt_is_retryable(attempt),
        RequestError::ConnectionPoolError(pool) => pool_is_retryable(pool),
        _ => true,
    }
}

fn prepare_is_retryable(error: &PrepareError) -> bool {
    match error {
        PrepareError::ConnectionPoolError(pool) => pool_is_retryable(pool),
        PrepareError::AllAttemptsFailed { first_attempt } => attempt_is_retryable(first_attempt),
        _ => false,
    }
}

fn attempt_is_retryable(error: &RequestAttemptError) -> bool {
    match error {
        RequestAttemptError::DbError(db, _) => db_is_retryable(db),
        RequestAttemptError::BrokenConnectionError(_) | RequestAttemptError::UnableToAllocStreamId => true,
        _ => false,
    }
}

fn db_is_retryable(error: &DbError) -> bool {
    !matches!(
        error,
        DbError::SyntaxError
            | DbError::Invalid
            | DbError::AlreadyExists { .. }
            | DbError::FunctionFailure { .. }
            | DbError::AuthenticationError
            | DbError::Unauthorized
            | DbError::ConfigError
            | DbError::ProtocolError
    )
}

fn pool_is_retryable(error: &ConnectionPoolError) -> bool {
    match error {
        ConnectionPoolError::Broken { last_connection_error: ConnectionError::ConnectionSetupRequestError(setup) } => {
            match &setup.error {
                ConnectionSetupRequestErrorKind::DbError(db, _) => db_is_retryable(db),
                ConnectionSetupRequestErrorKind::MissingAuthentication => false,
                _ => true,
            }
        }
        // An untrusted certificate.
        ConnectionPoolError::Broken { last_connection_error: ConnectionError::IoError(io) } => {
            io.kind() != std::io::ErrorKind::InvalidData
        }
        ConnectionPoolError::NodeDisabledByHostFilter => false,
        _ => true,
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
    fn permanent_errors_are_not_retryable() {
        for error in [DbError::Invalid, DbError::SyntaxError, DbError::Unauthorized, DbError::ConfigError] {
            assert!(!is_retryable(db(error.clone())));
            let prepare =
                PrepareError::AllAttemptsFailed { first_attempt: RequestAttemptError::DbError(error, "".into()) };
            assert!(!is_retryable(prepare.into()));
        }
        let untrusted = ConnectionError::IoError(Arc::new(std::io::ErrorKind::InvalidData.into()));
        assert!(!is_retryable(ConnectionPoolError::Broken { last_connection_error: untrusted }.into()));
    }
}
