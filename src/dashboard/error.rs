//! What the HTTP API answers when it cannot: a status, what happened, and what to do next.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::store::StoreError;

/// An answer that is no data: `{"error": ..., "hint": ...}`.
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

    /// 400: the request is not one.
    pub fn bad_request(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, hint)
    }

    /// 401: only with a token.
    pub fn unauthorized(error: impl Into<String>) -> Self {
        let hint = "send it as `Authorization: Bearer TOKEN`, or as the password of any user";
        Self::new(StatusCode::UNAUTHORIZED, error, hint)
    }

    /// 403: not so.
    pub fn forbidden(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, error, hint)
    }

    /// 404: there is no such thing.
    pub fn not_found(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, error, hint)
    }

    /// 405: the thing is there, but not for this method.
    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "only GET is known here", "nothing can be changed over HTTP")
    }

    /// 503: too much at once.
    pub fn busy(error: impl Into<String>) -> Self {
        Self::unavailable(error, "try again in a moment")
    }

    /// 503: not now.
    pub fn unavailable(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error, hint)
    }

    /// 503: the store cannot be read.
    pub fn store(error: &StoreError) -> Self {
        Self::unavailable(format!("the store cannot be read: {error}"), "is the worker's store still there?")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self)).into_response()
    }
}
