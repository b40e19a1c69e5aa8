//! Scripted feed: its frames, and the expected records of each partition.

use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::ingest::memory::{DEADLINE, Memory, PARTITIONS, config, end, start, until};

/// Keys and their murmur2 hashes from Kafka's own tests.
const KEYS: [(&str, i64); 6] = [
    ("21", -973932308),
    ("foobar", -790332482),
    ("a-little-bit-long-string", -985981536),
    ("a-little-bit-longer-string", -1486304829),
    ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    ("abc", 479470107),
];

/// Accepts one client, reads its subscriptions, and answers its first ping.
pub async fn accept(listener: &TcpListener, symbols: usize) -> (WebSocketStream<TcpStream>, Vec<String>) {
    let (stream, _) = listener.accept().await.unwrap();
    let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
    let mut symbols_seen = Vec::new();
    while symbols_seen.len() < symbols {
        let message = socket.next().await.unwrap().unwrap();
        if let Message::Text(text) = message {
            let request: Value = serde_json::from_str(text.as_str()).unwrap();
            assert_eq!(request["type"], "subscribe");
            symbols_seen.push(request["symbol"].as_str().unwrap().to_owned());
        }
    }
    while !matches!(socket.next().await.unwrap().unwrap(), Message::Ping(_)) {}
    socket.flush().await.unwrap();
    (socket, symbols_seen)
}

pub async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    (listener, url)
}

/// Frames of unusually formatted elements, and the expected elements of each partition.
struct Script {
    frames: Vec<String>,
    expected: Vec<String>,
    trades: u64,
}

fn script(frames: usize, salt: usize) -> Script {
    let mut texts = Vec::new();
    let mut expected: Vec<Vec<String>> = vec![Vec::new(); PARTITIONS];
    let mut trades = 0;
    for frame in 0..frames {
        let mut elements = Vec::new();
        for element in 0..=(frame + salt) % 7 {
            let (key, _) = KEYS[(frame * 5 + element * element + salt) % KEYS.len()];
            elements.push((key, spelled(key, frame, element)));
        }
        // Two identical trades are still two.
        elements.push(elements[0].clone());
        trades += elements.len() as u64;
        let joined: Vec<&str> = elements.iter().map(|(_, text)| text.as_str()).collect();
        texts.push(format!(r#"{{"data":[{}],"type":"trade"}}"#, joined.join(" ,")));
        let mut done: Vec<&str> = Vec::new();
        for (key, _) in &elements {
            if done.contains(key) {
                continue;
            }
            done.push(key);
            let hash = KEYS.iter().find(|(known, _)| known == key).unwrap().1;
            let partition = ((hash & 0x7fff_ffff) % PARTITIONS as i64) as usize;
            expected[partition].extend(elements.iter().filter(|(k, _)| k == key).map(|(_, text)| text.clone()));
        }
    }
    Script { frames: texts, expected: expected.iter().map(|texts| texts.join(",")).collect(), trades }
}

fn spelled(key: &str, frame: usize, element: usize) -> String {
    match (frame + element) % 5 {
        0 => format!(r#"{{"c":["1","12"],"p":7296.890,"s":"{key}","t":15755266{frame:05},"v":0.011467}}"#),
        1 => format!(r#"{{"c":null,"p":1e-7,"s":"{key}","t":15755266{frame:05},"v":0}}"#),
        2 => format!(r#"{{ "s" : "{key}", "v":1.50E+2, "p":0.10 ,"t":15755266{frame:05} }}"#),
        3 => format!(r#"{{"c":[],"x":{{"s":"not me"}},"p":"bad","s":"{key}","t":15755266{frame:05},"v":-{element}}}"#),
        _ => format!(r#"{{"p":12345678901234567890.123456789,"s":"{key}","t":null,"v":3}}"#),
    }
}

async fn send(socket: &mut WebSocketStream<TcpStream>, frames: &[String]) {
    for frame in frames {
        socket.send(Message::text(frame.as_str())).await.unwrap();
    }
}

#[tokio::test]
async fn every_trade_arrives_once_and_unchanged() {
    let (listener, url) = listen().await;
    let script = script(400, 0);
    assert!(script.expected.iter().all(|texts| !texts.is_empty()), "each partition must have trades");
    let memory = Memory::default();
    let (stop, running) = start(config(url, "token", &["21", "IC MARKETS:1"]), &memory);
    let (mut socket, subscribed) = accept(&listener, 2).await;
    assert_eq!(subscribed, ["21", "IC MARKETS:1"]);
    send(&mut socket, &script.frames).await;
    until("the last trade", || (0..PARTITIONS).all(|p| memory.elements(p).len() >= script.expected[p].len())).await;
    let report = end(&stop, running).await.unwrap();
    for partition in 0..PARTITIONS {
        assert_eq!(memory.elements(partition), script.expected[partition]);
        assert_eq!(memory.control(partition, "gap"), Vec::<Value>::new());
    }
    assert_eq!((report.trades, report.rejected, report.malformed), (script.trades, 0, 0));
    assert_eq!(report.records, (0..PARTITIONS).map(|p| memory.of(p).len() as u64).sum::<u64>());
}

#[tokio::test]
async fn a_stop_writes_everything_before_the_bye() {
    let (listener, url) = listen().await;
    let script = script(300, 3);
    let memory = Memory::default();
    let (stop, running) = start(config(url, "token", &["21"]), &memory);
    let (mut socket, _) = accept(&listener, 1).await;
    send(&mut socket, &script.frames).await;
    // The pong arrives when everything before it was read.
    socket.send(Message::Ping("all read?".into())).await.unwrap();
    while !matches!(socket.next().await.unwrap().unwrap(), Message::Pong(_)) {}
    end(&stop, running).await.unwrap();
    for partition in 0..PARTITIONS {
        assert_eq!(memory.elements(partition), script.expected[partition]);
        assert_eq!(memory.of(partition).last().map(String::as_str), Some(r#"{"type":"bye","source":"test"}"#));
    }
}

#[tokio::test]
async fn progress_reaches_quiet_partitions_and_never_decreases() {
    let (listener, url) = listen().await;
    let memory = Memory::default();
    let before_ms = jiff::Timestamp::now().as_millisecond();
    let (stop, running) = start(config(url, "token", &[]), &memory);
    let (_socket, _) = accept(&listener, 0).await;
    until("progress", || (0..PARTITIONS).all(|p| memory.control(p, "progress").len() >= 5)).await;
    end(&stop, running).await.unwrap();
    let after_ms = jiff::Timestamp::now().as_millisecond();
    for partition in 0..PARTITIONS {
        let progress = memory.control(partition, "progress");
        let times: Vec<i64> = progress.iter().map(|progress| progress["event_ms"].as_i64().unwrap()).collect();
        assert!(times.is_sorted());
        assert!(times[0] >= before_ms - 1_500 && times[times.len() - 1] <= after_ms - 1_500);
        assert!(progress.iter().all(|progress| progress["source"] == "test"));
        assert_eq!(memory.control(partition, "bye").len(), 1);
    }
}

#[tokio::test]
async fn a_disconnect_is_a_gap_in_every_partition() {
    let (listener, url) = listen().await;
    let (first, second) = (script(50, 1), script(50, 2));
    let memory = Memory::default();
    let (stop, running) = start(config(url, "token", &["21", "abc"]), &memory);
    let (mut socket, first_symbols) = accept(&listener, 2).await;
    send(&mut socket, &first.frames).await;
    until("the first part", || (0..PARTITIONS).all(|p| memory.elements(p).len() >= first.expected[p].len())).await;
    let cut_ms = jiff::Timestamp::now().as_millisecond();
    // Cut without a closing handshake. A second accept proves that the client lost the connection.
    drop(socket);
    let (mut socket, second_symbols) = accept(&listener, 2).await;
    assert_eq!(first_symbols, second_symbols);
    send(&mut socket, &second.frames).await;
    let whole = |p: usize| format!("{},{}", first.expected[p], second.expected[p]);
    until("the second part", || (0..PARTITIONS).all(|p| memory.elements(p).len() >= whole(p).len())).await;
    let report = end(&stop, running).await.unwrap();
    assert_eq!((report.connections, report.gaps), (2, 1));
    for partition in 0..PARTITIONS {
        assert_eq!(memory.elements(partition), whole(partition));
        let gaps = memory.control(partition, "gap");
        assert_eq!(gaps.len(), 1);
        assert_eq!(gaps[0]["source"], "test");
        assert!(gaps[0]["from_ms"].as_i64().unwrap() <= cut_ms - 1_500);
        assert!(gaps[0]["to_ms"].as_i64().unwrap() >= cut_ms);
        assert!(gaps[0]["cause"].is_string());
        let records = memory.of(partition);
        let at = records.iter().position(|record| record.starts_with(r#"{"type":"gap""#)).unwrap();
        let before = Memory::default();
        before.records.lock().unwrap().insert(0, records[..at].to_vec());
        assert_eq!(before.elements(0), first.expected[partition], "the gap is between the two parts");
    }
}

#[tokio::test]
async fn a_failing_log_ends_the_ingest() {
    let (listener, url) = listen().await;
    let memory = Memory { fails: true, ..Memory::default() };
    let (_stop, running) = start(config(url, "token", &["AAPL"]), &memory);
    let _socket = accept(&listener, 1).await;
    let error = timeout(DEADLINE, running).await.unwrap().unwrap().unwrap_err();
    assert!(format!("{error:#}").contains("a test"), "{error:#}");
}
