//! `ETag` and `If-None-Match` (RFC 9110, sections 8.8.3 and 13.1.2): a repeated request for unchanged data gets 304.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use xxhash_rust::xxh3::xxh3_128;

use super::error::ApiError;

/// Maximum size of a response other than the stream, in bytes.
const BODY_BYTES_MAX: usize = 64 << 20;

/// Tags each response with a hash of its bytes. The tag is weak, since the bytes may be compressed afterwards.
pub async fn add_etag(request: Request, next: Next) -> Response {
    let is_get = request.method() == Method::GET;
    let known = request.headers().get(IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    let streams = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
    if !is_get || response.status() != StatusCode::OK || streams {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, BODY_BYTES_MAX).await else {
        return ApiError::unavailable("the response is too long", "split the request into smaller ranges")
            .into_response();
    };
    let tag = format!("W/\"{:032x}\"", xxh3_128(&bytes));
    let is_unchanged = known.is_some_and(|known| matches(&known, &tag));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        parts.headers.insert(ETAG, tag);
    }
    if is_unchanged {
        parts.status = StatusCode::NOT_MODIFIED;
        remove_body_headers(&mut parts.headers);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn matches(known: &HeaderValue, tag: &str) -> bool {
    // Our tags contain no comma, so splitting is safe; weak comparison ignores `W/`.
    let strong = |text: &str| text.trim().trim_start_matches("W/").to_owned();
    let text = known.to_str().unwrap_or_default();
    text.trim() == "*" || text.split(',').any(|one| strong(one) == strong(tag))
}

fn remove_body_headers(headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
    headers.remove(CONTENT_TYPE);
}
