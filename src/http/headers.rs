//! Headers of every answer: no guessing of content types, and no copies without asking again.

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::Next;
use axum::response::Response;

/// Adds `X-Content-Type-Options: nosniff`, and `Cache-Control: private, no-cache` where the answer says nothing else.
pub async fn add(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    let cache = HeaderValue::from_static(if is_error { "no-store" } else { "private, no-cache" });
    response.headers_mut().entry(CACHE_CONTROL).or_insert(cache);
    response
}
