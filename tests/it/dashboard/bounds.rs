//! Clients that hold connections, send nothing, or read nothing: what they cost is bounded, and others are answered.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use reqwest::StatusCode;
use tickline::dashboard::{DashboardConfig, serve};
use tickline::http::limits::Limits;

use super::events::Events;
use super::{quick, small_store};
use crate::shared::pids::memory_bytes;
use crate::shared::process::{Home, Running, wait_for};

/// Rows of the symbol in [`store_of_many_rows`], all of which one request may ask for.
const ROWS: u64 = 20_000;
/// Memory of a dashboard whose clients read nothing: far below the limit of its container, 512 MiB.
const RESIDENT_KIB_MAX: u64 = 300 << 10;

/// A store with one symbol.
fn store_of_many_rows(home: &Home) {
    let trade = |at: u64| {
        format!("{{\"s\":\"AAPL\",\"p\":{}.5,\"v\":1.25,\"t\":{}}}\n", at % 90 + 100, 1_700_000_000_000 + at * 5_000)
    };
    home.write("trades.jsonl", (0..ROWS).map(trade).collect::<String>());
    home.ok("import trades.jsonl --log dir:log");
    home.ok("work --log dir:log --store sqlite:rows.db --until-end");
}

/// Sends a request and reads nothing.
fn ask(address: &str, path: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).unwrap();
    write!(client, "GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    client
}

/// Sends a request on a connection of its own, and reads all of the answer; `None` if there is none.
fn answer(address: &str, path: &str) -> Option<String> {
    let mut client = TcpStream::connect(address).ok()?;
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(client, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    client.read_to_string(&mut text).ok()?;
    (!text.is_empty()).then_some(text)
}

/// As [`answer`], from a client that says nothing for a while after it has connected.
fn late_answer(address: &str, path: &str) -> String {
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    write!(client, "GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    text
}

/// Peak of a process's resident memory.
fn resident_kib_max(process: &Running) -> u64 {
    memory_bytes(process.id(), "VmHWM").unwrap() / 1_024
}

/// A metric's value; 0 if it is absent.
fn metric(address: &str, name: &str) -> f64 {
    let text = answer(address, "/metrics").unwrap_or_default();
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or(0.0)
}

const SLOW: &str = "tickline_http_connections_closed_total{reason=\"slow\"}";
const REFUSED: &str = "tickline_dashboard_refused_answers_total";

#[test]
fn clients_that_read_nothing_cost_bounded_memory() {
    let home = Home::new();
    store_of_many_rows(&home);
    let mut dashboard = home.start("dashboard --store sqlite:rows.db --listen 127.0.0.1:0");
    let address = dashboard.address_after("http://");
    let before_kib = resident_kib_max(&dashboard);
    // Each has another limit, so that none can share the answer of another.
    let paths = (0..200).flat_map(|at| {
        let rows = format!("/api/indicators?symbol=AAPL&limit={}", ROWS - at);
        let events = format!("/api/stream?watch=AAPL&symbol=AAPL&indicators=true&limit={}", ROWS - at);
        [rows, events]
    });
    let clients: Vec<_> = paths.map(|path| ask(&address, &path)).collect();
    wait_for("clients that read nothing to be disconnected", || {
        let kib = resident_kib_max(&dashboard);
        assert!(kib < RESIDENT_KIB_MAX, "{kib} KiB for {} clients, {before_kib} KiB before them", clients.len());
        (metric(&address, SLOW) >= 3.0).then_some(())
    });
    assert!(metric(&address, REFUSED) > 0.0, "more was asked for than there is memory");
    println!("{before_kib} KiB without clients, at most {} KiB with them", resident_kib_max(&dashboard));
    drop(clients);
    wait_for("all memory to be free", || (metric(&address, "tickline_dashboard_answers_bytes") == 0.0).then_some(()));
    let text = answer(&address, "/api/candles?symbol=AAPL&resolution=5s&limit=20000").unwrap();
    assert!(text.starts_with("HTTP/1.1 200") && text.matches("window_start_ms").count() as u64 == ROWS);
}

#[test]
fn viewers_of_one_chart_share_its_rows() {
    let home = Home::new();
    store_of_many_rows(&home);
    let mut dashboard = home.start("dashboard --store sqlite:rows.db --listen 127.0.0.1:0");
    let address = dashboard.address_after("http://");
    let path = "/api/stream?watch=AAPL&symbol=AAPL&indicators=true&limit=20000";
    let mut clients: Vec<_> = (0..60).map(|_| ask(&address, path)).collect();
    for client in &mut clients {
        // The beginning of the rows, which is sent when all of them are there.
        let mut text = Vec::new();
        while !text.windows(15).any(|part| part == b"window_start_ms") {
            let mut part = [0; 4096];
            let count = client.read(&mut part).unwrap();
            assert!(count > 0, "{}", String::from_utf8_lossy(&text));
            text.extend_from_slice(&part[..count]);
        }
    }
    let kib = resident_kib_max(&dashboard);
    assert!(kib < RESIDENT_KIB_MAX, "{kib} KiB for {} clients", clients.len());
    assert_eq!(metric(&address, REFUSED), 0.0, "there is memory for all of them");
}

/// Starts `tickline` where it may have few files open.
fn start_with_few_files(home: &Home, line: &str) -> Running {
    let line = format!("ulimit -n 256; exec {} {line}", env!("CARGO_BIN_EXE_tickline"));
    home.start_as("sh".as_ref(), &["-c", &line])
}

#[test]
fn idle_connections_silence_neither_page_nor_metrics_nor_probes() {
    let home = Home::new();
    home.write("trades.jsonl", "{\"s\":\"AAPL\",\"p\":1.5,\"v\":1,\"t\":1700000000000}\n");
    home.ok("import trades.jsonl --log dir:log");
    home.ok("work --log dir:log --store sqlite:rows.db --until-end");
    let line = "dashboard --store sqlite:rows.db --listen 127.0.0.1:0";
    let mut dashboard = start_with_few_files(&home, line);
    let mut worker = start_with_few_files(&home, "work --log dir:log --store sqlite:rows.db --listen 127.0.0.1:0");
    let page = dashboard.address_after(" at http://");
    let metrics = wait_for("the worker's address", || {
        assert!(worker.is_alive(), "{}", worker.stderr());
        Some(worker.stderr().split_once("metrics: http://")?.1.split_once('/')?.0.to_owned())
    });
    // More than the process may have files open.
    let idle: Vec<_> = [&page, &metrics].map(|address| (0..400).map(|_| TcpStream::connect(address)).collect()).into();
    let idle: Vec<Vec<_>> = idle;
    for path in ["/", "/api/symbols", "/metrics", "/healthz", "/readyz"] {
        let text = wait_for(path, || answer(&page, path));
        assert!(text.starts_with("HTTP/1.1 200"), "{path}: {text}");
    }
    for path in ["/metrics", "/healthz"] {
        let text = wait_for(path, || answer(&metrics, path));
        assert!(text.starts_with("HTTP/1.1 200"), "{path}: {text}");
    }
    assert!(metric(&page, "tickline_http_connections_closed_total{reason=\"gave_way\"}") >= 200.0);
    drop(idle);
}

fn small() -> Limits {
    Limits { connections_max: 4, per_address_max: 3, ..Limits::PAGE }
}

#[tokio::test]
async fn probes_answer_while_all_connections_of_the_page_are_in_use() {
    let store = small_store();
    let metrics = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let config = DashboardConfig { metrics, limits: small(), ..quick() };
    let dashboard = serve(config, move || store.reader()).await.unwrap();
    let mut viewers = Vec::new();
    for _ in 0..3 {
        let mut viewer = Events::open(&dashboard).await;
        viewer.next().await;
        viewers.push(viewer);
    }
    let page = dashboard.addr().to_string();
    let refused = tokio::task::spawn_blocking(move || answer(&page, "/healthz")).await.unwrap().unwrap();
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("retry-after: "), "{refused}");
    let (head, body) = refused.split_once("\r\n\r\n").unwrap();
    assert!(head.ends_with(&format!("content-length: {}", body.len())) && body.contains("\"hint\""), "{refused}");
    for path in ["/metrics", "/healthz", "/readyz"] {
        let url = format!("http://{}{path}", dashboard.metrics_addr().unwrap());
        let response = reqwest::get(url).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let text = response.text().await.unwrap();
        let count = "\ntickline_http_connections_closed_total{reason=\"address_full\"} 1\n";
        assert!(path != "/metrics" || text.contains(count), "{text}");
    }
    // A client that the machine has kept from asking gets the same answer, and no reset connection.
    let page = dashboard.addr().to_string();
    let late = tokio::task::spawn_blocking(move || late_answer(&page, "/healthz")).await.unwrap();
    assert_eq!(late, refused);
    viewers.pop();
    let url = format!("http://{}/healthz", dashboard.addr());
    wait_for_async(|| async { reqwest::get(&url).await.is_ok_and(|answer| answer.status() == 200) }).await;
}

async fn wait_for_async<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    while !holds().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn request_that_does_not_end_is_given_up() {
    let store = small_store();
    let limits = Limits { header_wait: Duration::from_millis(300), ..Limits::PAGE };
    let config = DashboardConfig { limits, ..quick() };
    let dashboard = serve(config, move || store.reader()).await.unwrap();
    let address = dashboard.addr();
    let closed = tokio::task::spawn_blocking(move || {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n").unwrap();
        // A header every now and then, so that it is never silent for long.
        let mut is_open = true;
        while is_open {
            std::thread::sleep(Duration::from_millis(20));
            is_open = client.write_all(b"a: b\r\n").is_ok();
        }
    });
    closed.await.unwrap();
    let page = reqwest::get(format!("http://{address}/")).await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
}

#[tokio::test]
async fn viewer_that_does_not_read_is_disconnected() {
    let store = small_store();
    // An event is larger than all buffers between the two.
    for at in 0..20_000 {
        store.put("AAPL", "5s", super::candle(at * 5_000, 227.1, 11_000));
    }
    store.advance(200_000_000);
    let limits = Limits { write_wait: Duration::from_millis(300), ..Limits::PAGE };
    let config = DashboardConfig { limits, ..quick() };
    let dashboard = serve(config, move || store.reader()).await.unwrap();
    let page = dashboard.addr().to_string();
    let viewers = "tickline_dashboard_viewers";
    let done = tokio::task::spawn_blocking(move || {
        let clients: Vec<_> = (0..20).map(|_| ask(&page, "/api/stream?symbol=AAPL&limit=20000")).collect();
        wait_for("all viewers to be disconnected", || (metric(&page, SLOW) == 20.0).then_some(()));
        wait_for("no viewer to be left", || (metric(&page, viewers) == 0.0).then_some(()));
        drop(clients);
        metric(&page, "tickline_dashboard_answers_bytes")
    });
    assert_eq!(done.await.unwrap(), 0.0);
}
