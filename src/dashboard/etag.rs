//! `ETag` and `If-None-Match` (RFC 9110, sections 8.8.3 and 13.1.2): who asks again for what has not changed gets 304.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use xxhash_rust::xxh3::xxh3_128;

use super::error::ApiError;

/// No answer but the stream, which never ends, is longer, in bytes.
const BODY_BYTES_MAX: usize = 64 << 20;

/// Names each answer by a hash of its bytes. A weak name, since the bytes may be packed on their way.
pub async fn name(request: Request, next: Next) -> Response {
    let is_get = request.method() == Method::GET;
    let known = request.headers().get(IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    let streams = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
    if !is_get || response.status() != StatusCode::OK || streams {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, BODY_BYTES_MAX).await else {
        return ApiError::unavailable("the answer is too long", "ask in parts").into_response();
    };
    let tag = format!("W/\"{:032x}\"", xxh3_128(&bytes));
    let is_known = known.is_some_and(|known| matches(&known, &tag));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        parts.headers.insert(ETAG, tag);
    }
    if is_known {
        parts.status = StatusCode::NOT_MODIFIED;
        forget_body(&mut parts.headers);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn matches(known: &HeaderValue, tag: &str) -> bool {
    // A tag has no comma in it, so splitting is safe; weak comparison looks past `W/`.
    let strong = |text: &str| text.trim().trim_start_matches("W/").to_owned();
    let text = known.to_str().unwrap_or_default();
    text.trim() == "*" || text.split(',').any(|one| strong(one) == strong(tag))
}

fn forget_body(headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
    headers.remove(CONTENT_TYPE);
}
