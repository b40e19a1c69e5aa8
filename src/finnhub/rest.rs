//! Finnhub REST client: calls one after the other, within the rate limits, with retries of transient failures.
//!
//! The API token is sent in a header, never in a URL, since URLs end up in logs. Redirects are not followed, since that
//! would send the token to another server.

use std::fmt;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::tls::Version;
use reqwest::{Client, Response, StatusCode, Url};

use crate::exit_code::ExitCode;
use crate::secret::Secret;
use crate::time::now_ms;

pub mod answer;
mod pace;

use pace::Pace;

/// URL of Finnhub's REST interface.
pub const FINNHUB_URL: &str = "https://finnhub.io/api/v1";
/// Maximum response size in bytes, about ten times the list of the United States.
pub const ANSWER_BYTES_MAX: usize = 128 << 20;
/// Maximum pause for `X-RateLimit-Reset`, whose window is a minute.
const RESET_MAX: Duration = Duration::from_secs(120);
/// Maximum pause for `Retry-After`.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);
/// Maximum pause after other failures.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Timeout for connecting, and between two reads.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// Bytes of an error response that are shown.
const ERROR_TEXT_MAX: usize = 200;
/// Bytes of an error response that are read, with a token that begins in those that are shown.
const ERROR_BYTES_READ: usize = 4 << 10;

/// REST client settings.
#[derive(Clone, Debug)]
pub struct RestConfig {
    /// Base URL without the API token: [`FINNHUB_URL`], or that of a simulator.
    pub url: String,
    /// API token.
    pub token: Secret,
    /// Calls per minute, as the plan allows.
    pub calls_per_minute_max: u32,
    /// Attempts per call.
    pub attempts_max: usize,
    /// Shortest pause after a failure.
    pub pause_min: Duration,
}

impl RestConfig {
    /// Default settings: the free plan's limit, and six attempts, the second after about a second.
    pub fn new(url: String, token: Secret) -> Self {
        Self { url, token, calls_per_minute_max: 60, attempts_max: 6, pause_min: Duration::from_secs(1) }
    }
}

/// REST request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Path below the base URL, without a leading slash.
    pub path: &'static str,
    /// Value of `exchange=`.
    pub exchange: Option<String>,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path)?;
        self.exchange.as_ref().map_or(Ok(()), |exchange| write!(f, "?exchange={exchange}"))
    }
}

/// REST error. No text holds the API token.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestError {
    /// Invalid URL.
    #[error("invalid REST URL {url:?}: {why}")]
    BadUrl {
        /// The URL.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The API token is not accepted.
    #[error("the API token was rejected (HTTP status 401): check FINNHUB_TOKEN or --token-file")]
    Unauthorized,
    /// The plan of the API token does not include this.
    #[error("the plan of the API token does not allow {request} (HTTP status 403)")]
    NotAllowed {
        /// The request.
        request: String,
    },
    /// Too many calls.
    #[error("{request}: too many calls (HTTP status 429); does something else use the same API token?")]
    TooMany {
        /// The request.
        request: String,
        /// Requested pause.
        pause: Duration,
    },
    /// Any other status.
    #[error("{request}: HTTP status {status}: {text}")]
    Status {
        /// The request.
        request: String,
        /// HTTP status.
        status: u16,
        /// Beginning of the response.
        text: String,
    },
    /// The connection failed, or the response was incomplete.
    #[error("{request}: {why}")]
    Failed {
        /// The request.
        request: String,
        /// What happened.
        why: String,
    },
    /// The response is too large.
    #[error("{request}: the response has more than {ANSWER_BYTES_MAX} bytes")]
    TooLarge {
        /// The request.
        request: String,
    },
}

impl ExitCode for RestError {
    fn exit_code(&self) -> u8 {
        if matches!(self, Self::BadUrl { .. } | Self::Unauthorized | Self::NotAllowed { .. }) { 2 } else { 1 }
    }
}

impl RestError {
    /// Whether a retry can help.
    fn is_retryable(&self) -> bool {
        match self {
            Self::TooMany { .. } | Self::Failed { .. } => true,
            Self::Status { status, .. } => *status >= 500,
            _ => false,
        }
    }
}

/// Asks, one call at a time.
#[derive(Debug)]
pub struct Rest {
    client: Client,
    base: Url,
    config: RestConfig,
    pace: Pace,
}

impl Rest {
    /// Creates a client; sends nothing yet.
    pub fn new(config: RestConfig) -> Result<Self, RestError> {
        let bad = |why: &str| RestError::BadUrl { url: config.token.scrub(&config.url), why: why.to_owned() };
        let base = Url::parse(&config.url).map_err(|error| bad(&error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(bad("expected http://HOST... or https://HOST..."));
        }
        if base.query().is_some() || base.fragment().is_some() || !base.username().is_empty() {
            return Err(bad("expected no user name, query, fragment or API token in it"));
        }
        let mut token = HeaderValue::from_str(config.token.expose()).map_err(|_| RestError::Unauthorized)?;
        token.set_sensitive(true);
        let headers = HeaderMap::from_iter([(reqwest::header::HeaderName::from_static("x-finnhub-token"), token)]);
        let client = Client::builder().default_headers(headers).redirect(Policy::none());
        let client = client.tls_version_min(Version::TLS_1_2);
        let client = client.connect_timeout(SILENCE_MAX).read_timeout(SILENCE_MAX);
        // Plain HTTP needs no certificate authorities, so a machine without any can still use it.
        let client = if base.scheme() == "http" { client.tls_certs_only([]) } else { client };
        let client = client.user_agent(concat!("tickline/", env!("CARGO_PKG_VERSION"))).build();
        let client = client.map_err(|error| bad(&innermost(&error)))?;
        let pace = Pace::new(config.calls_per_minute_max);
        Ok(Self { client, base, config, pace })
    }

    /// Base URL, without the API token.
    pub fn url(&self) -> &str {
        self.base.as_str()
    }

    /// The response, a complete JSON array. Keeps the rate limit and retries transient failures.
    pub async fn get(&self, request: &Request) -> Result<Vec<u8>, RestError> {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(self.config.pause_min)
            .with_max_delay(PAUSE_MAX)
            .with_max_times(self.config.attempts_max.saturating_sub(1))
            .with_jitter();
        (|| self.attempt(request))
            .retry(pauses)
            .when(RestError::is_retryable)
            .adjust(|error, pause| match error {
                RestError::TooMany { pause: asked, .. } => pause.map(|pause| pause.max(*asked)),
                _ => pause,
            })
            .notify(|error, pause| {
                tracing::warn!(%error, pause_ms = pause.as_millis() as u64, "REST call failed; retrying");
            })
            .await
    }

    async fn attempt(&self, request: &Request) -> Result<Vec<u8>, RestError> {
        self.pace.turn().await;
        let failed = |error: reqwest::Error| RestError::Failed {
            request: request.to_string(),
            why: self.config.token.scrub(&innermost(&error.without_url())),
        };
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(request.path.split('/'));
        }
        if let Some(exchange) = &request.exchange {
            url.query_pairs_mut().append_pair("exchange", exchange);
        }
        let mut response = self.client.get(url).send().await.map_err(failed)?;
        if response.status() != StatusCode::OK {
            return Err(self.failure(request, response).await);
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(RestError::TooLarge { request: request.to_string() });
            }
            bytes.extend_from_slice(&chunk);
        }
        let text = bytes.trim_ascii();
        if text.starts_with(b"[") && text.ends_with(b"]") {
            return Ok(bytes);
        }
        Err(RestError::Failed {
            request: request.to_string(),
            why: "the response is not a complete JSON array".to_owned(),
        })
    }

    async fn failure(&self, request: &Request, mut response: Response) -> RestError {
        let name = request.to_string();
        match response.status() {
            StatusCode::UNAUTHORIZED => RestError::Unauthorized,
            StatusCode::FORBIDDEN => RestError::NotAllowed { request: name },
            StatusCode::TOO_MANY_REQUESTS => {
                RestError::TooMany { request: name, pause: requested_pause(response.headers(), now_ms() / 1_000) }
            }
            status => {
                let mut start = Vec::new();
                while start.len() < ERROR_BYTES_READ
                    && let Ok(Some(chunk)) = response.chunk().await
                {
                    start.extend_from_slice(&chunk);
                }
                // Masked before it is cut: of a token that is cut nothing would be masked.
                let text = self.config.token.scrub(&String::from_utf8_lossy(&start)).replace(char::is_control, " ");
                let text = text[..text.floor_char_boundary(ERROR_TEXT_MAX)].to_owned();
                RestError::Status { request: name, status: status.as_u16(), text }
            }
        }
    }
}

/// The pause that a response asks for: `Retry-After`, else the end of the rate limit's window.
fn requested_pause(headers: &HeaderMap, now_s: u64) -> Duration {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let retry_after = number(RETRY_AFTER.as_str()).map(|s| Duration::from_secs(s).min(RETRY_AFTER_MAX));
    let reset = number("x-ratelimit-reset").map(|at_s| Duration::from_secs(at_s.saturating_sub(now_s)).min(RESET_MAX));
    retry_after.or(reset).unwrap_or(PAUSE_MAX)
}

/// Innermost cause, since the outer texts of this library say little.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let what = if error.is_timeout() { "timeout: " } else { "" };
    format!("{what}{cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requested_pause_is_bounded() {
        let pause = |pairs: &[(&'static str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| {
                (reqwest::header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
            });
            requested_pause(&pairs.collect(), 1_000).as_secs()
        };
        assert_eq!(pause(&[]), 60);
        assert_eq!(pause(&[("x-ratelimit-reset", "1043")]), 43);
        assert_eq!(pause(&[("x-ratelimit-reset", "7")]), 0);
        assert_eq!(pause(&[("x-ratelimit-reset", "99999999999")]), 120);
        assert_eq!(pause(&[("x-ratelimit-reset", "1043"), ("retry-after", "5")]), 5);
        assert_eq!(pause(&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")]), 60);
    }

    #[test]
    fn a_bad_url_error_hides_the_token() {
        for url in
            ["", "finnhub.io", "ftp://h/", "http://", "https://h/?token=s3cr3t", "https://s3cr3t@h/", "http://h/#x"]
        {
            let error = Rest::new(RestConfig::new(url.to_owned(), Secret::new("s3cr3t"))).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{error}");
            assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error}");
        }
        let rest = Rest::new(RestConfig::new("http://h:1/api/v1/".to_owned(), Secret::new("s3cr3t"))).unwrap();
        assert!(!format!("{rest:?}").contains("s3cr3t"));
    }
}
