//! `/api/play`: the clock of a log that is played. The only request that changes anything, and only in this process.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};

use super::Shared;
use super::encode::encode;
use super::error::ApiError;
use super::query::{Pairs, Parameters};
use crate::play::clock::{PlayClock, PlayView, SPEEDS};

/// The clock; without one, the page shows a store as it is.
#[derive(Serialize)]
struct Answer {
    play: Option<PlayView>,
}

/// A request.
#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "lowercase", deny_unknown_fields)]
enum Action {
    Pause {},
    Resume {},
    Step {},
    Speed { speed: f64 },
}

/// `GET /api/play`.
pub async fn show(State(shared): State<Arc<Shared>>, pairs: Pairs) -> Result<impl IntoResponse, ApiError> {
    Parameters::new(pairs, &[])?;
    answer(shared.play.as_deref())
}

/// `POST /api/play` with an action as JSON.
pub async fn act(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<impl IntoResponse, ApiError> {
    check_origin(&headers)?;
    let Some(clock) = &shared.play else {
        return Err(ApiError::not_found("no log is played here", "`tickline play` plays one"));
    };
    let actions = r#"{"action":"pause"}, "resume", "step", or {"action":"speed","speed":10}"#;
    let action: Action = serde_json::from_slice(&body)
        .map_err(|error| ApiError::bad_request(format!("invalid action: {error}"), format!("actions: {actions}")))?;
    match action {
        Action::Pause {} => clock.pause(),
        Action::Resume {} => clock.resume(),
        Action::Step {} => clock.step(),
        Action::Speed { speed } => {
            if !clock.set_speed(speed) {
                let hint = format!("a number from {} to {}", SPEEDS.start(), SPEEDS.end());
                return Err(ApiError::bad_request("invalid speed", hint));
            }
        }
    }
    answer(Some(clock))
}

fn answer(clock: Option<&PlayClock>) -> Result<impl IntoResponse + use<>, ApiError> {
    let json = encode(&Answer { play: clock.map(PlayClock::view) })?;
    Ok(([(CONTENT_TYPE, "application/json")], json))
}

/// Fails for a request that another page has made its visitor's browser send. Browsers name the page's origin; a
/// form cannot send JSON.
fn check_origin(headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
    let is_json = text(CONTENT_TYPE).is_some_and(|kind| {
        kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
    });
    if !is_json {
        return Err(ApiError::bad_request("the body must be JSON", "send it with Content-Type: application/json"));
    }
    let is_own = |origin: &str| origin.split_once("://").is_some_and(|(_, host)| Some(host) == text(HOST));
    if headers.contains_key(ORIGIN) && !text(ORIGIN).is_some_and(is_own) {
        return Err(ApiError::forbidden("this request is from another page", "use the page of `tickline play` itself"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn only_the_own_page_and_programs_may_act() {
        let check = |headers: &[(HeaderName, &str)]| {
            let pairs = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
            check_origin(&pairs.collect()).is_ok()
        };
        let (host, json) = ((HOST, "127.0.0.1:8080"), (CONTENT_TYPE, "application/json; charset=utf-8"));
        assert!(check(&[host.clone(), json.clone()]));
        assert!(check(&[host.clone(), json.clone(), (ORIGIN, "http://127.0.0.1:8080")]));
        assert!(!check(&[host.clone(), (CONTENT_TYPE, "text/plain")]) && !check(std::slice::from_ref(&host)));
        for other in ["http://127.0.0.1:8081", "https://example.org", "null", ""] {
            assert!(!check(&[host.clone(), json.clone(), (ORIGIN, other)]), "{other}");
        }
    }
}
