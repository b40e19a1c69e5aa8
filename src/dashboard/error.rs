//! Error responses of the HTTP API: a status, what happened, and what to do next.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::encode::encode;
use crate::store::StoreError;

/// When a request that was answered with 503 may be repeated, in seconds.
const RETRY_AFTER_S: u64 = 2;

/// An error response: `{"error": ..., "hint": ...}`.
#[derive(Clone, Debug, Serialize, thiserror::Error)]
#[error("{error}: {hint}")]
pub struct ApiError {
    #[serde(skip)]
    status: StatusCode,
    error: String,
    hint: String,
}

impl ApiError {
    fn new(status: StatusCode, error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status, error: error.into(), hint: hint.into() }
    }

    /// 400: the request is invalid.
    pub fn bad_request(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, hint)
    }

    /// 401: a token is required.
    pub fn unauthorized(error: impl Into<String>) -> Self {
        let hint = "send it as `Authorization: Bearer TOKEN`, or as the password of any user";
        Self::new(StatusCode::UNAUTHORIZED, error, hint)
    }

    /// 403: the request is not allowed.
    pub fn forbidden(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, error, hint)
    }

    /// 404: unknown path or symbol.
    pub fn not_found(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, error, hint)
    }

    /// 405: known path, wrong method.
    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed (GET only)", "the HTTP API is read only")
    }

    /// 410: it was there, and is not any more.
    pub fn gone(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, error, hint)
    }

    /// 501: this process was started without what the request needs.
    pub fn not_implemented(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, error, hint)
    }

    /// 503: too many requests at once.
    pub fn busy(error: impl Into<String>) -> Self {
        Self::unavailable(error, "try again in a moment")
    }

    /// 503: temporarily unavailable.
    pub fn unavailable(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error, hint)
    }

    /// 503: nothing can be computed from the log.
    pub fn origin(error: impl Into<String>) -> Self {
        Self::unavailable(error, "check the log, and --log and the settings that the dashboard was started with")
    }

    /// 503: the store cannot be read.
    pub fn store(error: &StoreError) -> Self {
        Self::unavailable(
            format!("the store cannot be read: {error}"),
            "check that the store is up and that this process may read it",
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let json = encode(&self).unwrap_or_default();
        let mut response = (self.status, [(CONTENT_TYPE, "application/json")], json).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_S.into());
        }
        response
    }
}
