//! The simulator over real sockets: behaviour that it shares with the real feed.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::Value;
use simulator::fault::Faults;
use simulator::universe::Universe;
use simulator::{Simulator, SimulatorConfig, serve};
use tickline::finnhub::connection::{Received, Socket, connect};
use tickline::finnhub::error::SocketError;
use tickline::finnhub::{FeedConfig, Secret};
use tokio::time::timeout;

/// Deadline of every wait.
const DEADLINE: Duration = Duration::from_secs(60);

fn config(url: &str, token: &str) -> FeedConfig {
    FeedConfig { liveness_timeout: DEADLINE, ..FeedConfig::new(url.to_owned(), Secret::new(token), Vec::new()) }
}

async fn open(simulator: &Simulator, token: &str) -> Result<Socket, SocketError> {
    connect(&config(&simulator.url(), token)).await
}

/// The next text.
async fn next(socket: &mut Socket) -> Value {
    loop {
        let received = timeout(DEADLINE, socket.next()).await.expect("a text in time").expect("an open connection");
        if let Received::Text { text, .. } = received {
            return serde_json::from_str(text.as_str()).expect("JSON");
        }
    }
}

/// Reads until a frame is `wanted`.
async fn next_where(socket: &mut Socket, wanted: impl Fn(&Value) -> bool) -> Value {
    timeout(DEADLINE, async {
        loop {
            let frame = next(socket).await;
            if wanted(&frame) {
                return frame;
            }
        }
    })
    .await
    .expect("the wanted frame in time")
}

fn symbols_of(frame: &Value) -> BTreeSet<&str> {
    frame["data"]
        .as_array()
        .map(|data| data.iter().filter_map(|trade| trade["s"].as_str()).collect())
        .unwrap_or_default()
}

#[tokio::test]
async fn frames_hold_only_subscribed_symbols() {
    let simulator =
        serve(SimulatorConfig { ping_every: Duration::from_millis(200), ..Default::default() }).await.unwrap();
    let mut socket = open(&simulator, "token").await.unwrap();
    for symbol in ["AAPL", "BINANCE:BTCUSDT", "NO SUCH SYMBOL"] {
        socket.subscribe(symbol).await.unwrap();
    }
    let (mut seen, mut pinged, mut several) = (BTreeSet::new(), false, false);
    while seen.len() < 2 || !pinged || !several {
        let frame = next(&mut socket).await;
        pinged |= frame["type"] == "ping";
        several |= frame["data"].as_array().is_some_and(|data| data.len() > 1);
        seen.extend(symbols_of(&frame).into_iter().map(str::to_owned));
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["AAPL", "BINANCE:BTCUSDT"]);
    simulator.stop().await.unwrap();
}

#[tokio::test]
async fn the_51st_symbol_is_an_error() {
    let simulator = serve(SimulatorConfig::default()).await.unwrap();
    let mut socket = open(&simulator, "token").await.unwrap();
    let symbols = Universe::new(Universe::NAMED).symbols();
    // The other symbols are subscribed first, so that a trade of the busy one shows that it was accepted.
    let (busy, rest): (Vec<_>, Vec<_>) = symbols.into_iter().partition(|symbol| symbol == "NVDA");
    for symbol in rest.iter().take(50) {
        socket.subscribe(symbol).await.unwrap();
    }
    socket.subscribe(&busy[0]).await.unwrap();
    let error = next_where(&mut socket, |frame| frame["type"] != "trade").await;
    assert_eq!(error, serde_json::json!({ "type": "error", "msg": "Subscribing to too many symbols" }));
    socket.unsubscribe(&rest[0]).await.unwrap();
    socket.subscribe(&busy[0]).await.unwrap();
    let frame = next_where(&mut socket, |frame| symbols_of(frame).contains("NVDA") || frame["type"] == "error").await;
    assert_eq!(frame["type"], "trade");
}

#[tokio::test]
async fn a_second_connection_drops_the_first() {
    let simulator = serve(SimulatorConfig::default()).await.unwrap();
    let mut first = open(&simulator, "token").await.unwrap();
    let mut other = open(&simulator, "another token").await.unwrap();
    first.subscribe("NVDA").await.unwrap();
    next(&mut first).await;
    let mut second = open(&simulator, "token").await.unwrap();
    let ended = timeout(DEADLINE, async { while first.next().await.is_ok() {} }).await;
    assert!(ended.is_ok(), "the first connection is still open");
    for socket in [&mut second, &mut other] {
        socket.subscribe("NVDA").await.unwrap();
        assert_eq!(next(socket).await["type"], "trade");
    }
    assert_eq!(simulator.counters().kicks.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn kick_both_drops_both_connections() {
    let faults = Faults { kick_both: true, ..Faults::default() };
    let simulator = serve(SimulatorConfig { faults, ..Default::default() }).await.unwrap();
    let mut first = open(&simulator, "token").await.unwrap();
    let mut second = open(&simulator, "token").await.unwrap();
    for socket in [&mut first, &mut second] {
        assert!(timeout(DEADLINE, async { while socket.next().await.is_ok() {} }).await.is_ok());
    }
}

#[tokio::test]
async fn a_bad_token_is_rejected_and_hidden() {
    let config = SimulatorConfig { token: Some("good".to_owned()), ..Default::default() };
    let simulator = serve(config).await.unwrap();
    for bad in ["", "s3cr3t"] {
        let error = open(&simulator, bad).await.err().expect("a rejection");
        assert_eq!(error, SocketError::Unauthorized { status: 401 });
        assert!(!format!("{error} {error:?}").contains("s3cr3t"));
    }
    assert!(open(&simulator, "good").await.is_ok());
}

#[tokio::test]
async fn errors_hide_the_token() {
    let secret = Secret::new("s3cr3t");
    for url in ["ws://127.0.0.1:1/", "http://127.0.0.1/", "no address", "ws:///", "wss://127.0.0.1:1/", "ws://[::bad/"]
    {
        let error =
            connect(&FeedConfig { token: secret.clone(), ..config(url, "") }).await.err().expect("no connection");
        assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error:?}");
    }
}

/// Reads from a simulator with this fault until the connection ends: why, and the texts and signs of life of the last
/// second and a half.
async fn end_of(faults: Faults) -> (SocketError, usize, usize) {
    let ping_every = Duration::from_millis(200);
    let simulator = serve(SimulatorConfig { faults, ping_every, ..Default::default() }).await.unwrap();
    let liveness_timeout = Duration::from_millis(2_000);
    let config = FeedConfig { liveness_timeout, ..config(&simulator.url(), "key") };
    let mut socket = connect(&config).await.unwrap();
    socket.subscribe("NVDA").await.unwrap();
    let (mut texts, mut signs) = (Vec::new(), Vec::new());
    let error = timeout(DEADLINE, async {
        loop {
            match socket.next().await {
                Ok(Received::Text { at, .. }) => texts.push(at),
                Ok(Received::Alive { at, .. }) => signs.push(at),
                Err(error) => return error,
            }
        }
    });
    let error = error.await.unwrap();
    assert_eq!(simulator.counters().faults.load(Ordering::Relaxed), 1);
    assert!(!signs.is_empty(), "it answered before the fault");
    let late = |times: Vec<Instant>| times.iter().filter(|at| at.elapsed() < Duration::from_millis(1_500)).count();
    (error, late(texts), late(signs))
}

#[tokio::test]
async fn a_connection_without_a_sign_of_life_ends() {
    let after = Some(Duration::from_millis(500));
    let stalled = end_of(Faults { stall_after: after, ..Faults::default() }).await;
    assert_eq!(stalled, (SocketError::Silent { timeout_ms: 2_000 }, 0, 0));
    let (error, pings, signs) = end_of(Faults { deaf_after: after, ..Faults::default() }).await;
    assert_eq!((error, signs), (SocketError::Silent { timeout_ms: 2_000 }, 0));
    assert!(pings >= 3, "the feed's own pings came until the end: {pings}");
}

#[tokio::test]
async fn rest_responses_have_documented_shapes() {
    let simulator = serve(SimulatorConfig::default()).await.unwrap();
    let base = format!("http://{}/api/v1", simulator.addr());
    let client = reqwest::Client::new();
    let get = async |path: &str| -> Value {
        let answer = client.get(format!("{base}{path}")).header("X-Finnhub-Token", "key").send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    };
    let stocks = get("/stock/symbol?exchange=US").await;
    let berkshire = stocks.as_array().unwrap().iter().find(|row| row["symbol"] == "BRK.B").unwrap().clone();
    for key in ["currency", "description", "displaySymbol", "figi", "mic", "shareClassFIGI", "symbol2", "type"] {
        assert!(berkshire[key].is_string(), "{key}");
    }
    assert!(get("/crypto/exchange").await.as_array().unwrap().contains(&Value::from("BINANCE")));
    let pairs = get("/crypto/symbol?exchange=binance").await;
    let expected = serde_json::json!({
        "description": "Binance LTCBTC", "displaySymbol": "LTC/BTC", "symbol": "BINANCE:LTCBTC",
    });
    assert!(pairs.as_array().unwrap().contains(&expected));
    assert!(get("/forex/exchange").await.as_array().unwrap().contains(&Value::from("IC MARKETS")));
    assert_eq!(get("/forex/symbol?exchange=oanda").await[0]["displaySymbol"], "EUR/USD");
    let status = get("/stock/market-status?exchange=US").await;
    assert!(status["isOpen"].is_boolean() && status["holiday"].is_null() && status["t"].is_u64());
    let quote = get("/quote?symbol=AAPL").await;
    let price = |key: &str| quote[key].as_f64().unwrap();
    assert!(price("l") <= price("c") && price("c") <= price("h") && price("l") > 0.0);
    assert_eq!(get("/quote?symbol=NONE").await["c"], 0);
}

#[tokio::test]
async fn rest_rejects_a_missing_token_and_bursts() {
    let simulator = serve(SimulatorConfig { calls_per_minute_max: 3, ..Default::default() }).await.unwrap();
    let url = format!("http://{}/api/v1/quote?symbol=AAPL", simulator.addr());
    let client = reqwest::Client::new();
    assert_eq!(client.get(&url).send().await.unwrap().status(), 401);
    // A minute may end between two calls, so more are tried than fit into two minutes.
    let mut rejected = None;
    for _ in 0..7 {
        let answer = client.get(format!("{url}&token=key")).send().await.unwrap();
        if answer.status() == 429 {
            rejected = Some(answer);
            break;
        }
        assert_eq!(answer.status(), 200);
    }
    let rejected = rejected.expect("a rejection");
    let header = |name: &str| rejected.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((header("x-ratelimit-limit"), header("x-ratelimit-remaining")), ("3".to_owned(), "0".to_owned()));
    assert!(header("x-ratelimit-reset").parse::<u64>().is_ok());
    let body: Value = rejected.json().await.unwrap();
    assert!(body["error"].is_string());
}
