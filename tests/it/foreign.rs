//! The simulator with independent clients: Finnhub's own for REST, and the one in its readme for the stream. They
//! verify that the simulator speaks Finnhub's protocol, not only what Tickline's client accepts.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use simulator::universe::Universe;
use simulator::{Simulator, SimulatorConfig, serve};

async fn simulator() -> Simulator {
    let config = SimulatorConfig {
        token: Some("key".to_owned()),
        ping_every: Duration::from_millis(200),
        ..SimulatorConfig::default()
    };
    serve(config).await.unwrap()
}

fn base(simulator: &Simulator) -> String {
    format!("http://{}/api/v1", simulator.addr())
}

fn stream(simulator: &Simulator, token: &str, trades: &str, kind: &str, symbols: &[&str]) -> Value {
    // As the readme has it: no path before the question mark.
    let url = format!("ws://{}", simulator.addr());
    crate::shared::clients::run("stream", token, &[&[url.as_str(), trades, kind], symbols].concat())
}

fn texts(row: &Value, keys: &[&str]) {
    keys.iter().for_each(|key| assert!(row[*key].is_string(), "{key} of {row}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn finnhubs_client_parses_every_response() {
    let simulator = simulator().await;
    let answers = crate::shared::clients::run("rest", "key", &[&base(&simulator)]);
    let rows = |name: &str| answers[name].as_array().unwrap_or_else(|| panic!("{name}: {}", answers[name])).clone();
    let stocks = rows("stock_symbols");
    assert!(stocks.iter().any(|row| row["symbol"] == "AAPL") && stocks.len() > 5);
    let keys =
        ["currency", "description", "displaySymbol", "figi", "mic", "shareClassFIGI", "symbol", "symbol2", "type"];
    stocks.iter().for_each(|row| texts(row, &keys));
    for (exchanges, symbols, exchange) in
        [("crypto_exchanges", "crypto_symbols", "BINANCE"), ("forex_exchanges", "forex_symbols", "OANDA")]
    {
        assert!(rows(exchanges).contains(&exchange.into()), "{}", answers[exchanges]);
        let prefix = format!("{exchange}:");
        assert!(rows(symbols).len() > 3, "{}", answers[symbols]);
        for row in rows(symbols) {
            texts(&row, &["description", "displaySymbol", "symbol"]);
            assert!(row["symbol"].as_str().unwrap().starts_with(&prefix), "{row}");
        }
    }
    let status = &answers["market_status"];
    texts(status, &["exchange", "session", "timezone"]);
    assert!(status["isOpen"].is_boolean() && status["t"].is_u64());
    for key in ["c", "d", "dp", "h", "l", "o", "pc", "t"] {
        assert!(answers["quote"][key].is_number(), "{key} of {}", answers["quote"]);
    }
    assert_eq!((&answers["unknown_quote"]["c"], &answers["unknown_quote"]["d"]), (&json!(0), &Value::Null));
    assert_eq!(answers["no_exchange"], json!({ "status": 422, "message": "exchange is required" }));
    simulator.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn finnhubs_client_parses_rejections() {
    let simulator = simulator().await;
    for token in ["", "another"] {
        let refused = crate::shared::clients::run("rest", token, &[&base(&simulator), "quote"]);
        assert_eq!(refused["quote"], json!({ "status": 401, "message": "Invalid API key" }));
    }
    let busy = serve(SimulatorConfig { calls_per_minute_max: 2, ..SimulatorConfig::default() }).await.unwrap();
    // A minute may end between two calls, so there are more calls than two minutes allow.
    let answers = [["quote"; 3], ["quote"; 3]].map(|calls| {
        let base = base(&busy);
        calls.map(|call| crate::shared::clients::run("rest", "key", &[&base, call])["quote"].clone())
    });
    let refused = answers.iter().flatten().find(|answer| answer["status"] == 429).expect("a refusal");
    assert!(refused["message"].as_str().unwrap().contains("API limit reached"), "{refused}");
    assert!(answers.iter().flatten().any(|answer| answer["c"].is_number()));
}

#[tokio::test(flavor = "multi_thread")]
async fn trades_arrive_as_documented() {
    let simulator = simulator().await;
    let symbols = ["NVDA", "BINANCE:BTCUSDT", "AAPL"];
    let seen = stream(&simulator, "key", "5", "ping", &symbols);
    assert_eq!(seen["refused"], json!([]));
    let messages = seen["messages"].as_array().unwrap();
    let frames = messages.iter().filter(|message| message["type"] == "trade");
    let trades: Vec<&Value> = frames.flat_map(|frame| frame["data"].as_array().unwrap()).collect();
    let named: BTreeSet<_> = trades.iter().map(|trade| trade["s"].as_str().unwrap()).collect();
    assert_eq!(named, BTreeSet::from(symbols), "these and no others");
    let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    for trade in trades {
        let keys: Vec<_> = trade.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(keys.iter().all(|key| ["c", "p", "s", "t", "v"].contains(key)) && keys.len() >= 4, "{trade}");
        assert!(trade["p"].as_f64().unwrap() > 0.0 && trade["v"].as_f64().unwrap() >= 0.0, "{trade}");
        assert!(trade["t"].as_u64().unwrap().abs_diff(now_ms) < 600_000, "milliseconds, of now: {trade}");
        let conditions = trade["c"].as_array().into_iter().flatten();
        assert!(trade["c"].is_null() || trade["c"].is_array(), "{trade}");
        conditions.for_each(|code| assert!(code.as_str().is_some_and(|c| c.parse::<u8>().is_ok()), "{trade}"));
    }
    let others: BTreeSet<_> = messages.iter().filter(|m| m["type"] != "trade").map(Value::to_string).collect();
    assert_eq!(others, BTreeSet::from([json!({ "type": "ping" }).to_string()]));
    simulator.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn excess_symbols_and_invalid_tokens_are_reported() {
    let simulator = simulator().await;
    let symbols = Universe::new(Universe::NAMED).symbols();
    let busy = ["NVDA", "BINANCE:BTCUSDT", "AAPL"];
    let quiet = symbols.iter().map(String::as_str).filter(|symbol| !busy.contains(symbol)).take(48);
    let symbols: Vec<&str> = busy.into_iter().chain(quiet).collect();
    assert_eq!(symbols.len(), 51);
    let seen = stream(&simulator, "key", "1", "error", &symbols);
    let errors = seen["messages"].as_array().unwrap().iter().filter(|message| message["type"] == "error");
    let wanted = json!({ "type": "error", "msg": "Subscribing to too many symbols" });
    assert_eq!(errors.collect::<Vec<_>>(), [&wanted]);
    assert!(!seen.to_string().contains(&format!("\"s\":\"{}\"", symbols[50])), "the one too many gets no trades");

    for token in ["", "another"] {
        let seen = stream(&simulator, token, "1", "none", &busy);
        assert_eq!((&seen["refused"][0]["status"], &seen["messages"]), (&json!(401), &json!([])), "{seen}");
    }
    simulator.stop().await.unwrap();
}
