//! Who may read: a token where there is one, and only this machine's own names while nothing else is listened on.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;

use super::error::ApiError;
use crate::finnhub::Secret;

/// What a request has to bring.
#[derive(Clone, Debug)]
pub struct Access {
    /// The token, as `Authorization: Bearer TOKEN`, or as the password of any user, which browsers ask for.
    pub token: Option<Secret>,
    /// Whether only this machine can connect. A page of a stranger may then still send its visitor's browser here under
    /// a name of its own that it lets point to 127.0.0.1; so other names are refused.
    pub is_loopback: bool,
}

/// Lets a request through, or answers 401 or 403. What machines ask about health is free.
pub async fn check(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    if matches!(request.uri().path(), "/healthz" | "/readyz") {
        return next.run(request).await;
    }
    if access.is_loopback && !is_own_name(request.headers()) {
        let hint = "write localhost or 127.0.0.1 in the address, or listen on another address with --listen";
        return ApiError::forbidden("this page is served to this machine only", hint).into_response();
    }
    if access.token.as_ref().is_some_and(|token| !brings(request.headers(), token)) {
        let mut refused = ApiError::unauthorized("a token is needed").into_response();
        let asks = HeaderValue::from_static("Basic realm=\"Tickline\", charset=\"UTF-8\"");
        refused.headers_mut().insert(WWW_AUTHENTICATE, asks);
        return refused;
    }
    next.run(request).await
}

fn is_own_name(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
    let end_of_port = host.trim_end_matches(|c: char| c.is_ascii_digit());
    let name = end_of_port.strip_suffix(':').unwrap_or(host);
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn brings(headers: &HeaderMap, token: &Secret) -> bool {
    let Some(given) = headers.get(AUTHORIZATION).and_then(|given| given.to_str().ok()) else { return false };
    let is_token = |text: &[u8]| bool::from(text.ct_eq(token.expose().as_bytes()));
    match given.split_once(' ') {
        Some((scheme, text)) if scheme.eq_ignore_ascii_case("bearer") => is_token(text.trim().as_bytes()),
        Some((scheme, text)) if scheme.eq_ignore_ascii_case("basic") => {
            let decoded = STANDARD.decode(text.trim()).unwrap_or_default();
            let colon = decoded.iter().position(|byte| *byte == b':');
            colon.is_some_and(|at| is_token(&decoded[at + 1..]))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: axum::http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn only_names_of_this_machine_are_its_own() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "127.9.9.9", "[::1]:8080", "[::1]"] {
            assert!(is_own_name(&headers(HOST, host)), "{host}");
        }
        for host in ["example.org", "localhost.example.org:8080", "10.0.0.1", "", "8080", "127.0.0.1.example.org"] {
            assert!(!is_own_name(&headers(HOST, host)), "{host}");
        }
        assert!(!is_own_name(&HeaderMap::new()));
    }

    #[test]
    fn the_token_is_a_bearers_or_a_password() {
        let token = Secret::new("s:cret");
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        for good in ["Bearer s:cret", "bearer  s:cret", &basic("anyone:s:cret"), &basic(":s:cret")] {
            assert!(brings(&headers(AUTHORIZATION, good), &token), "{good}");
        }
        for bad in ["Bearer", "Bearer s:cre", "Bearer s:crets", "s:cret", &basic("s:cret"), &basic(":"), "Basic !"] {
            assert!(!brings(&headers(AUTHORIZATION, bad), &token), "{bad}");
        }
    }
}
