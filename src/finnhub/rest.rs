//! Finnhub's REST interface: one call after the other, within its limits, with patience where that can help.
//!
//! The key travels in a header, never in an address: addresses end up in logs. No redirect is followed, since that
//! would hand the key to whoever it names.

use std::fmt;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};

use crate::exit_code::ExitCode;
use crate::secret::Secret;
use crate::time::now_ms;

pub mod answer;
mod pace;

use pace::Pace;

/// Where Finnhub is.
pub const FINNHUB_URL: &str = "https://finnhub.io/api/v1";
/// Longest answer that is taken, in bytes. The list of the United States is about a tenth of it.
pub const ANSWER_BYTES_MAX: usize = 128 << 20;
/// Longest pause that a `X-RateLimit-Reset` is given; its window is a minute.
const RESET_MAX: Duration = Duration::from_secs(120);
/// Longest pause that a `Retry-After` is given.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);
/// Longest pause after other failures.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Longest time without a byte, and to connect.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// Bytes of an error's text that are shown.
const ERROR_TEXT_MAX: usize = 200;

/// Where to ask, and how patiently.
#[derive(Clone, Debug)]
pub struct RestConfig {
    /// The address before the path, without a key: [`FINNHUB_URL`], or that of a stand-in.
    pub url: String,
    /// The key.
    pub token: Secret,
    /// Calls in any minute; the plan says how many.
    pub calls_per_minute_max: u32,
    /// Times that one call is tried before it counts as failed.
    pub attempts_max: usize,
    /// Shortest pause after a failure.
    pub pause_min: Duration,
}

impl RestConfig {
    /// The usual: what the free plan allows, and six attempts, the second after about a second.
    pub fn new(url: String, token: Secret) -> Self {
        Self { url, token, calls_per_minute_max: 60, attempts_max: 6, pause_min: Duration::from_secs(1) }
    }
}

/// One thing to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Behind the address, without a slash at its start.
    pub path: &'static str,
    /// What `exchange=` says.
    pub exchange: Option<String>,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path)?;
        self.exchange.as_ref().map_or(Ok(()), |exchange| write!(f, "?exchange={exchange}"))
    }
}

/// Why there is no answer. No text holds the key.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestError {
    /// The address is none.
    #[error("{url:?} is no address to ask at: {why}")]
    BadUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The key is not taken.
    #[error("the key is refused (HTTP status 401): check FINNHUB_TOKEN or the key file")]
    Refused,
    /// The key is good, but not for this.
    #[error("the key's plan does not allow {request} (HTTP status 403)")]
    NotAllowed {
        /// What was asked for.
        request: String,
    },
    /// Too many calls.
    #[error("{request}: too many calls (HTTP status 429); does something else use the same key?")]
    TooMany {
        /// What was asked for.
        request: String,
        /// The pause that is asked for.
        pause: Duration,
    },
    /// Another status.
    #[error("{request}: HTTP status {status}: {text}")]
    Status {
        /// What was asked for.
        request: String,
        /// The status.
        status: u16,
        /// The beginning of what came with it.
        text: String,
    },
    /// The connection failed, or the answer ended early.
    #[error("{request}: {why}")]
    Failed {
        /// What was asked for.
        request: String,
        /// What happened.
        why: String,
    },
    /// The answer is longer than is taken.
    #[error("{request}: the answer has more than {ANSWER_BYTES_MAX} bytes")]
    TooLarge {
        /// What was asked for.
        request: String,
    },
}

impl ExitCode for RestError {
    fn exit_code(&self) -> u8 {
        if matches!(self, Self::BadUrl { .. } | Self::Refused | Self::NotAllowed { .. }) { 2 } else { 1 }
    }
}

impl RestError {
    /// Whether asking again can help.
    fn passes(&self) -> bool {
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
    /// Prepares to ask; nothing is sent yet.
    pub fn new(config: RestConfig) -> Result<Self, RestError> {
        crate::tls::install_provider();
        let bad = |why: &str| RestError::BadUrl { url: config.token.scrub(&config.url), why: why.to_owned() };
        let base = Url::parse(&config.url).map_err(|error| bad(&error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(bad("write http://HOST... or https://HOST..."));
        }
        if base.query().is_some() || base.fragment().is_some() || !base.username().is_empty() {
            return Err(bad("it must end with its path, and hold no name or key"));
        }
        let mut key = HeaderValue::from_str(config.token.expose()).map_err(|_| RestError::Refused)?;
        key.set_sensitive(true);
        let headers = HeaderMap::from_iter([(reqwest::header::HeaderName::from_static("x-finnhub-token"), key)]);
        let client = Client::builder().default_headers(headers).redirect(Policy::none());
        let client = client.connect_timeout(SILENCE_MAX).read_timeout(SILENCE_MAX);
        // Where nothing is encrypted nobody need be trusted, so a machine without a list of authorities will do.
        let client = if base.scheme() == "http" { client.tls_certs_only([]) } else { client };
        let client = client.user_agent(concat!("tickline/", env!("CARGO_PKG_VERSION"))).build();
        let client = client.map_err(|error| bad(&innermost(&error)))?;
        let pace = Pace::new(config.calls_per_minute_max);
        Ok(Self { client, base, config, pace })
    }

    /// The address that is asked, which holds no key.
    pub fn url(&self) -> &str {
        self.base.as_str()
    }

    /// The answer: a JSON array, whole. Waits its turn, and tries again where that can help.
    pub async fn get(&self, request: &Request) -> Result<Vec<u8>, RestError> {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(self.config.pause_min)
            .with_max_delay(PAUSE_MAX)
            .with_max_times(self.config.attempts_max.saturating_sub(1))
            .with_jitter();
        (|| self.attempt(request))
            .retry(pauses)
            .when(RestError::passes)
            .adjust(|error, pause| match error {
                RestError::TooMany { pause: asked, .. } => pause.map(|pause| pause.max(*asked)),
                _ => pause,
            })
            .notify(|error, pause| tracing::warn!(%error, pause_ms = pause.as_millis() as u64, "asking again"))
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
            return Err(self.refusal(request, response).await);
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
        Err(RestError::Failed { request: request.to_string(), why: "the answer is no whole list".to_owned() })
    }

    async fn refusal(&self, request: &Request, mut response: Response) -> RestError {
        let name = request.to_string();
        match response.status() {
            StatusCode::UNAUTHORIZED => RestError::Refused,
            StatusCode::FORBIDDEN => RestError::NotAllowed { request: name },
            StatusCode::TOO_MANY_REQUESTS => {
                RestError::TooMany { request: name, pause: pause_asked(response.headers(), now_ms() / 1_000) }
            }
            status => {
                let start = response.chunk().await.ok().flatten().unwrap_or_default();
                let text = String::from_utf8_lossy(&start[..start.len().min(ERROR_TEXT_MAX)]).into_owned();
                let text = self.config.token.scrub(&text).replace(char::is_control, " ");
                RestError::Status { request: name, status: status.as_u16(), text }
            }
        }
    }
}

/// What a refusal says about when to come back: `Retry-After`, else the end of the limit's window.
fn pause_asked(headers: &HeaderMap, now_s: u64) -> Duration {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let retry_after = number(RETRY_AFTER.as_str()).map(|s| Duration::from_secs(s).min(RETRY_AFTER_MAX));
    let reset = number("x-ratelimit-reset").map(|at_s| Duration::from_secs(at_s.saturating_sub(now_s)).min(RESET_MAX));
    retry_after.or(reset).unwrap_or(PAUSE_MAX)
}

/// The cause of an error that says only that there was one.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let what = if error.is_timeout() { "it took too long: " } else { "" };
    format!("{what}{cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_asked_for_is_bounded() {
        let pause = |pairs: &[(&'static str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| {
                (reqwest::header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
            });
            pause_asked(&pairs.collect(), 1_000).as_secs()
        };
        assert_eq!(pause(&[]), 60);
        assert_eq!(pause(&[("x-ratelimit-reset", "1043")]), 43);
        assert_eq!(pause(&[("x-ratelimit-reset", "7")]), 0);
        assert_eq!(pause(&[("x-ratelimit-reset", "99999999999")]), 120);
        assert_eq!(pause(&[("x-ratelimit-reset", "1043"), ("retry-after", "5")]), 5);
        assert_eq!(pause(&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")]), 60);
    }

    #[test]
    fn a_bad_address_is_refused_and_shows_no_key() {
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
