//! The page's files, compiled into the binary: no files to install, nothing loaded from another host.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::IntoResponse;
use axum::routing::get;

/// Content security policy: everything comes from this host. The chart library adds an inline style element.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Cache policies: the page is revalidated each time; the chart library's URL holds its version, so it is immutable.
const REVALIDATE: &str = "no-cache";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// The page's own files: path, content type, body.
#[rustfmt::skip]
const PAGE: [(&str, &str, &str); 38] = [
    ("/", HTML, include_str!("page/index.html")),
    ("/as-of.js", JS, include_str!("page/as-of.js")),
    ("/chart.css", CSS, include_str!("page/chart.css")),
    ("/chart.js", JS, include_str!("page/chart.js")),
    ("/corrections.js", JS, include_str!("page/corrections.js")),
    ("/dom.js", JS, include_str!("page/dom.js")),
    ("/explain.css", CSS, include_str!("page/explain.css")),
    ("/explain.js", JS, include_str!("page/explain.js")),
    ("/format.js", JS, include_str!("page/format.js")),
    ("/frontier-line.js", JS, include_str!("page/frontier-line.js")),
    ("/gap-bands.js", JS, include_str!("page/gap-bands.js")),
    ("/gaps.js", JS, include_str!("page/gaps.js")),
    ("/head.css", CSS, include_str!("page/head.css")),
    ("/head.js", JS, include_str!("page/head.js")),
    ("/indicators.js", JS, include_str!("page/indicators.js")),
    ("/keys.js", JS, include_str!("page/keys.js")),
    ("/layers.js", JS, include_str!("page/layers.js")),
    ("/legend.js", JS, include_str!("page/legend.js")),
    ("/link.js", JS, include_str!("page/link.js")),
    ("/loader.js", JS, include_str!("page/loader.js")),
    ("/names.js", JS, include_str!("page/names.js")),
    ("/narrow.css", CSS, include_str!("page/narrow.css")),
    ("/number.js", JS, include_str!("page/number.js")),
    ("/page.js", JS, include_str!("page/page.js")),
    ("/palette.js", JS, include_str!("page/palette.js")),
    ("/play-bar.css", CSS, include_str!("page/play-bar.css")),
    ("/play-bar.js", JS, include_str!("page/play-bar.js")),
    ("/rows.js", JS, include_str!("page/rows.js")),
    ("/search.js", JS, include_str!("page/search.js")),
    ("/side.css", CSS, include_str!("page/side.css")),
    ("/sparkline.js", JS, include_str!("page/sparkline.js")),
    ("/stream.js", JS, include_str!("page/stream.js")),
    ("/tabs.js", JS, include_str!("page/tabs.js")),
    ("/theme.css", CSS, include_str!("page/theme.css")),
    ("/theme.js", JS, include_str!("page/theme.js")),
    ("/timeline.js", JS, include_str!("page/timeline.js")),
    ("/toolbar.js", JS, include_str!("page/toolbar.js")),
    ("/watchlist.js", JS, include_str!("page/watchlist.js")),
];

/// Third-party files: path, content type, body.
const VENDOR: [(&str, &str, &str); 3] = [
    ("/vendor/lightweight-charts-5.2.1.js", JS, include_str!("vendor/lightweight-charts.standalone.production.js")),
    ("/vendor/LICENSE", TEXT, include_str!("vendor/LICENSE")),
    ("/vendor/NOTICE", TEXT, include_str!("vendor/NOTICE")),
];

/// The routes of the page.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let page = PAGE.iter().map(|file| (file, REVALIDATE));
    let vendor = VENDOR.iter().map(|file| (file, IMMUTABLE));
    page.chain(vendor).fold(Router::new(), |router, (&(path, content_type, body), cache)| {
        router.route(path, get(async move || asset(content_type, cache, body)))
    })
}

fn asset(content_type: &'static str, cache: &'static str, body: &'static str) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, cache),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, body)
}
