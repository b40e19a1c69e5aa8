//! What Cassandra and its driver say: worth another attempt or not, and in words that tell what to do next.

use scylla::errors::{
    ConnectionError, ConnectionPoolError, ConnectionSetupRequestErrorKind, DbError, ExecutionError, MetadataError,
    MetadataFetchErrorKind, NewSessionError, NextPageError, NextRowError, PrepareError, RequestAttemptError,
    RequestError, UseKeyspaceError,
};

use crate::store::StoreError;
use crate::store::frontier_row::Damage;

/// Why something failed, before it is known where.
#[derive(Debug)]
pub enum Failure {
    /// Another incarnation has taken over.
    Fenced { ours: u64, theirs: u64 },
    /// What is there cannot have been written.
    Corrupt { what: String, hint: String },
    /// The tables are not those that this program knows.
    Schema(String),
    /// Another attempt may help: a timeout, an overload, a lost connection. It may have had its effect all the same.
    Passing(String),
    /// Another attempt would fail alike.
    Refused(String),
}

impl Failure {
    /// A value in the store that cannot be what was written.
    pub fn corrupt(what: impl Into<String>) -> Self {
        let hint = "restore the tables, or work through the log again into a new keyspace".to_string();
        Self::Corrupt { what: what.into(), hint }
    }

    /// Says where it happened.
    pub fn at(self, path: &str, what: &'static str) -> StoreError {
        let path = path.to_string();
        match self {
            Self::Fenced { ours, theirs } => StoreError::Fenced { path, ours, theirs },
            Self::Corrupt { what, hint } => StoreError::Corrupt { path, what, hint },
            Self::Schema(why) => StoreError::Schema { path, why },
            Self::Passing(why) | Self::Refused(why) => StoreError::Failed { path, what, why },
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
        let passes = match &error {
            ExecutionError::RequestTimeout(_) | ExecutionError::EmptyPlan => true,
            ExecutionError::ConnectionPoolError(pool) => pool_passes(pool),
            ExecutionError::LastAttemptError(attempt) => attempt_passes(attempt),
            ExecutionError::PrepareError(prepare) => prepare_passes(prepare),
            ExecutionError::SchemaAgreementError(_) | ExecutionError::MetadataError(_) => true,
            _ => false,
        };
        Self::of(passes, &error)
    }
}

impl From<PrepareError> for Failure {
    fn from(error: PrepareError) -> Self {
        Self::of(prepare_passes(&error), &error)
    }
}

impl From<NextPageError> for Failure {
    fn from(error: NextPageError) -> Self {
        let passes = matches!(&error, NextPageError::RequestFailure(request) if request_passes(request));
        Self::of(passes, &error)
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
        let passes = match &error {
            UseKeyspaceError::RequestTimeout(_) => true,
            UseKeyspaceError::RequestError(attempt) => attempt_passes(attempt),
            _ => false,
        };
        Self::of(passes, &error)
    }
}

impl From<NewSessionError> for Failure {
    fn from(error: NewSessionError) -> Self {
        let passes = match &error {
            // A name that cannot be resolved yet is common where servers and clients start together.
            NewSessionError::FailedToResolveAnyHostname(_) => true,
            NewSessionError::MetadataError(metadata) => metadata_passes(metadata),
            _ => false,
        };
        Self::of(passes, &error)
    }
}

impl Failure {
    fn of(passes: bool, error: &dyn std::error::Error) -> Self {
        let why = error.to_string();
        if passes { Self::Passing(why) } else { Self::Refused(why) }
    }
}

fn metadata_passes(error: &MetadataError) -> bool {
    match error {
        MetadataError::ConnectionPoolError(pool) => pool_passes(pool),
        MetadataError::FetchError(fetch) => match &fetch.error {
            MetadataFetchErrorKind::PrepareError(attempt) => attempt_passes(attempt),
            MetadataFetchErrorKind::NextRowError(NextRowError::NextPageError(NextPageError::RequestFailure(
                request,
            ))) => request_passes(request),
            _ => false,
        },
        _ => true,
    }
}

fn request_passes(error: &RequestError) -> bool {
    match error {
        RequestError::LastAttemptError(attempt) => attempt_passes(attempt),
        RequestError::ConnectionPoolError(pool) => pool_passes(pool),
        _ => true,
    }
}

fn prepare_passes(error: &PrepareError) -> bool {
    match error {
        PrepareError::ConnectionPoolError(pool) => pool_passes(pool),
        PrepareError::AllAttemptsFailed { first_attempt } => attempt_passes(first_attempt),
        _ => false,
    }
}

fn attempt_passes(error: &RequestAttemptError) -> bool {
    match error {
        RequestAttemptError::DbError(db, _) => db_passes(db),
        RequestAttemptError::BrokenConnectionError(_) | RequestAttemptError::UnableToAllocStreamId => true,
        _ => false,
    }
}

fn db_passes(error: &DbError) -> bool {
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

fn pool_passes(error: &ConnectionPoolError) -> bool {
    match error {
        ConnectionPoolError::Broken { last_connection_error: ConnectionError::ConnectionSetupRequestError(setup) } => {
            match &setup.error {
                ConnectionSetupRequestErrorKind::DbError(db, _) => db_passes(db),
                ConnectionSetupRequestErrorKind::MissingAuthentication => false,
                _ => true,
            }
        }
        // A certificate that is not trusted today will not be tomorrow.
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

    fn passes(error: ExecutionError) -> bool {
        matches!(Failure::from(error), Failure::Passing(_))
    }

    fn db(error: DbError) -> ExecutionError {
        RequestAttemptError::DbError(error, "said".to_owned()).into()
    }

    #[test]
    fn what_time_may_cure_is_tried_again() {
        let (consistency, received, required) = (Consistency::LocalQuorum, 0, 2);
        let timeout = DbError::WriteTimeout { consistency, received, required, write_type: WriteType::UnloggedBatch };
        assert!(passes(db(timeout)));
        assert!(passes(db(DbError::Unavailable { consistency, required, alive: 1 })));
        for error in [DbError::Overloaded, DbError::IsBootstrapping, DbError::ServerError] {
            assert!(passes(db(error)));
        }
        assert!(passes(ExecutionError::RequestTimeout(Duration::from_secs(1))));
        let broken = RequestAttemptError::BrokenConnectionError(BrokenConnectionErrorKind::ChannelError.into());
        assert!(passes(broken.into()));
        let refused = ConnectionError::IoError(Arc::new(std::io::ErrorKind::ConnectionRefused.into()));
        assert!(passes(ConnectionPoolError::Broken { last_connection_error: refused }.into()));
    }

    #[test]
    fn what_is_wrong_stays_wrong() {
        for error in [DbError::Invalid, DbError::SyntaxError, DbError::Unauthorized, DbError::ConfigError] {
            assert!(!passes(db(error.clone())));
            let prepare =
                PrepareError::AllAttemptsFailed { first_attempt: RequestAttemptError::DbError(error, "".into()) };
            assert!(!passes(prepare.into()));
        }
        let untrusted = ConnectionError::IoError(Arc::new(std::io::ErrorKind::InvalidData.into()));
        assert!(!passes(ConnectionPoolError::Broken { last_connection_error: untrusted }.into()));
    }
}
