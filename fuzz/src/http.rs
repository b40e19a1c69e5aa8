//! Requests of the page and its API: query strings, and the headers that decide who may read.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use dataflows::progress::time::{EVENT_MS_END, Resolution};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use tickline::dashboard::access::{Access, check as check_access};
use tickline::dashboard::error::ApiError;
use tickline::dashboard::etag::add_etag;
use tickline::dashboard::query::{LIMIT_MAX, Pairs, Parameters};
use tickline::http::headers;
use tickline::secret::Secret;

/// The access token, which no answer shows.
const TOKEN: &str = "Zq7:token";
/// The parameters of the API, in one request.
const NAMES: [&str; 11] =
    ["query", "exchange", "traded", "limit", "symbol", "resolution", "from", "to", "since", "watch", "indicators"];
const WATCH_MAX: usize = 3;

/// Checks one request: a query string, and a header in each line that follows. The first byte says who may read.
pub fn check(data: &[u8]) {
    let Some((&rules, text)) = data.split_first() else { return };
    let access = Access { token: (rules & 1 == 1).then(|| Secret::new(TOKEN)), is_loopback: rules & 2 == 2 };
    let Some(request) = request(text) else { return };
    let may_read = allowed(&access, &request);
    let is_usual = header(&request, &HOST).is_some_and(|host| ["localhost", "127.0.0.1:8080", "[::1]"].contains(&host));
    let response = answer(access, request);
    let (status, has) = (response.0, |name: &str| response.1.headers().get(name).is_some());
    assert!(has("x-content-type-options") && has("cache-control"));
    let body = String::from_utf8(response.2.clone()).expect("a body of UTF-8");
    assert!(!body.contains(TOKEN), "{body}");
    match status {
        StatusCode::OK | StatusCode::NOT_MODIFIED => assert!(may_read, "{body}"),
        StatusCode::BAD_REQUEST => assert!(may_read && is_error(&body), "{body}"),
        StatusCode::UNAUTHORIZED => assert!(!may_read && is_error(&body), "{body}"),
        // Addresses that are written in an unusual way may be rejected, too.
        StatusCode::FORBIDDEN => assert!(!is_usual && is_error(&body), "{body}"),
        other => panic!("{other}: {body}"),
    }
}

fn request(text: &[u8]) -> Option<Request> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let query = std::str::from_utf8(lines.next()?).ok()?;
    let mut request = Request::builder().uri(format!("/api/any?{query}"));
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        request = request.header(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?);
    }
    request.body(Body::empty()).ok()
}

fn header<'a>(request: &'a Request, name: &HeaderName) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// Whether a request may be answered, judged in another way than the product's.
fn allowed(access: &Access, request: &Request) -> bool {
    let is_local = header(request, &HOST).is_some_and(|host| {
        let port = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        // Both are tried: of `::1` the last part could be a port.
        let names = [host, port.map_or(host, |(name, _)| name)];
        names.into_iter().any(|name| {
            let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
            name.to_lowercase() == "localhost" || address.is_ok_and(|address| address.is_loopback())
        })
    });
    let has_token = header(request, &AUTHORIZATION).and_then(|text| text.split_once(' ')).is_some_and(
        |(scheme, text)| match scheme.to_lowercase().as_str() {
            "bearer" => text.trim() == TOKEN,
            "basic" => {
                base64(text.trim()).is_some_and(|text| text.split_once(':').is_some_and(|(_, text)| text == TOKEN))
            }
            _ => false,
        },
    );
    (!access.is_loopback || is_local) && (access.token.is_none() || has_token)
}

/// The text of standard Base64 with its padding.
fn base64(text: &str) -> Option<String> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    if !text.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for digit in digits.chars() {
        (bits, count) = (bits << 6 | DIGITS.find(digit)? as u32, count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    // Bits that are left over have to be zero.
    (bits == 0).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// The answer of a server with the product's own layers, and one handler for all parameters.
fn answer(access: Access, request: Request) -> (StatusCode, Response<()>, Vec<u8>) {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    }
    let router = Router::new()
        .route("/api/any", get(parameters))
        .layer(from_fn(add_etag))
        .layer(from_fn_with_state(Arc::new(access), check_access))
        .layer(from_fn(headers::add));
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let response = TowerToHyperService::new(router).call(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let body = to_bytes(body, 1 << 20).await.unwrap();
            (parts.status, Response::from_parts(parts, ()), body.to_vec())
        })
    })
}

async fn parameters(pairs: Pairs) -> Result<String, ApiError> {
    let parameters = Parameters::repeating(pairs, &NAMES, &["watch"])?;
    let (symbol, range) = (parameters.symbol()?, parameters.range()?);
    assert!(!symbol.is_empty() && symbol.len() <= 256);
    assert!(range.from_ms < range.to_ms && range.to_ms <= EVENT_MS_END as u64, "{range:?}");
    assert!((1..=LIMIT_MAX).contains(&range.limit));
    let watch = parameters.all("watch", WATCH_MAX)?;
    assert!(watch.len() <= WATCH_MAX && watch.iter().all(|symbol| !symbol.is_empty() && symbol.len() <= 256));
    let resolution = parameters.resolution(Resolution::M1)?;
    let (text, since) = (parameters.text("query")?, parameters.time("since")?);
    let flags = (parameters.flag("traded")?, parameters.flag("indicators")?);
    Ok(format!("{symbol} {range:?} {watch:?} {resolution:?} {text:?} {since:?} {flags:?}"))
}

fn is_error(body: &str) -> bool {
    let value: Value = serde_json::from_str(body).unwrap_or_default();
    ["error", "hint"].iter().all(|name| value[name].as_str().is_some_and(|text| !text.is_empty()))
}
