//! The page itself, in the binary: no file beside it, nothing from another host.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::IntoResponse;
use axum::routing::get;

/// Everything comes from here. The chart library puts one style element of its own into the page.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page is asked for anew each time; the chart library's address holds its version, so it may be kept.
const ANEW: &str = "no-cache";
const KEEP: &str = "public, max-age=31536000, immutable";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// The routes of the page.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(async || asset(HTML, ANEW, include_str!("page/index.html"))))
        .route("/page.css", get(async || asset(CSS, ANEW, include_str!("page/page.css"))))
        .route("/page.js", get(async || asset(JS, ANEW, include_str!("page/page.js"))))
        .route("/format.js", get(async || asset(JS, ANEW, include_str!("page/format.js"))))
        .route("/chart.js", get(async || asset(JS, ANEW, include_str!("page/chart.js"))))
        .route("/vendor/lightweight-charts-5.2.1.js", get(async || asset(JS, KEEP, CHARTS)))
        .route("/vendor/LICENSE", get(async || asset(TEXT, KEEP, include_str!("vendor/LICENSE"))))
        .route("/vendor/NOTICE", get(async || asset(TEXT, KEEP, include_str!("vendor/NOTICE"))))
}

const CHARTS: &str = include_str!("vendor/lightweight-charts.standalone.production.js");

fn asset(content_type: &'static str, cache: &'static str, body: &'static str) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, cache),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, body)
}
