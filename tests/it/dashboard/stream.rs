//! The event stream: everything subscribed to at first, then the changes.

use serde_json::{Value, json};

use super::events::Events;
use super::fake::{FakeStore, candle};
use super::{DAY_MS, small_store, start};

fn windows(rows: &Value) -> Vec<u64> {
    rows.as_array().unwrap().iter().map(|row| row["window_start_ms"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn each_viewer_gets_one_event_per_advance() {
    let store = small_store();
    let dashboard = start(&store).await;
    let (mut one, mut two) = (Events::open(&dashboard).await, Events::open(&dashboard).await);
    for viewer in [&mut one, &mut two] {
        let first = viewer.next().await;
        assert_eq!((&first["frontier_ms"], &first["whole"]), (&json!(12_000), &json!(true)));
        assert_eq!(first["watch"].as_array().unwrap().len(), 2);
    }
    for frontier in [13_000, 14_000, 15_000] {
        store.put("AAPL", "1d", candle(0, frontier as f64, frontier - 1));
        store.advance(frontier);
        for viewer in [&mut one, &mut two] {
            let event = viewer.next().await;
            assert_eq!((&event["frontier_ms"], &event["whole"]), (&json!(frontier), &json!(false)));
            assert_eq!(event["counters"]["trades"], frontier);
            assert_eq!(event["watch"][0]["last"], frontier as f64);
        }
    }
    // Only the frontier has changed: an event without rows.
    store.advance(DAY_MS);
    let event = one.next().await;
    assert_eq!((&event["frontier_ms"], &event["whole"]), (&json!(DAY_MS), &json!(false)));
    assert_eq!((&event["watch"], &event["chart"]["candles"]), (&json!([]), &json!([])));
    // A new epoch at the same frontier sends everything again.
    store.restart();
    let event = one.next().await;
    assert_eq!((&event["epoch"], &event["whole"]), (&json!(8), &json!(true)));
}

#[tokio::test]
async fn viewer_gets_only_changes_it_subscribed_to() {
    let store = small_store();
    store.put("MSFT", "1d", candle(0, 410.0, 11_000));
    let dashboard = start(&store).await;
    let query = "watch=MSFT&watch=AAPL&watch=NONE&symbol=AAPL&indicators=true&limit=2";
    let mut viewer = Events::wanting(&dashboard, query).await;
    let first = viewer.next().await;
    let watched: Vec<_> = first["watch"].as_array().unwrap().iter().map(|row| row["symbol"].clone()).collect();
    assert_eq!(watched, ["MSFT", "AAPL"], "in the order asked for; what never traded has no row");
    assert_eq!((&first["watch"][1]["spark"], &first["watch"][0]["spark"]), (&json!([[0, 100.0]]), &json!([])));
    assert_eq!((&first["chart"]["symbol"], &first["chart"]["resolution"]), (&json!("AAPL"), &json!("5s")));
    assert_eq!(windows(&first["chart"]["candles"]), [5_000, 10_000]);
    assert_eq!(windows(&first["chart"]["indicators"]), [5_000, 10_000]);
    // A late trade corrects the first window; the others stay as they were.
    store.put("AAPL", "5s", candle(0, 226.0, 12_000));
    store.put("AAPL", "1d", candle(0, 227.0, 12_500));
    store.put("IC MARKETS:1", "1d", candle(0, 1.28, 12_500));
    store.advance(13_000);
    let event = viewer.next().await;
    assert_eq!(windows(&event["chart"]["candles"]), [0]);
    assert_eq!(windows(&event["chart"]["indicators"]), [0]);
    assert_eq!(event["chart"]["candles"][0]["complete"], true);
    assert_eq!(event["watch"].as_array().unwrap().len(), 1, "{event}");
    assert_eq!((&event["watch"][0]["symbol"], &event["watch"][0]["last"]), (&json!("AAPL"), &json!(227.0)));
    assert!(event["watch"][0].get("spark").is_none());
}

#[tokio::test]
async fn viewer_of_empty_store_sees_first_trade() {
    let store = FakeStore::default();
    let dashboard = start(&store).await;
    let mut viewer = Events::open(&dashboard).await;
    assert_eq!(viewer.next().await["watch"], json!([]));
    store.put("AAPL", "1d", candle(0, 1.0, 500));
    store.put("AAPL", "5s", candle(0, 1.0, 500));
    let mut frontier = 1_000;
    loop {
        store.advance(frontier);
        let event = viewer.next().await;
        assert_eq!(event["whole"], true);
        if event["chart"]["symbol"] == "AAPL" {
            assert_eq!((&event["watch"][0]["last"], windows(&event["chart"]["candles"])), (&json!(1.0), vec![0]));
            break;
        }
        frontier += 1_000;
    }
}

#[tokio::test]
async fn slow_viewer_skips_forward_without_losing_prices() {
    const SYMBOLS: u64 = 100;
    const ADVANCES: u64 = 1_200;
    let store = FakeStore::default();
    let fill = |frontier: u64| {
        for at in 0..SYMBOLS {
            store.put(&format!("SYMBOL{at:04}"), "1d", candle(0, (frontier + at) as f64, frontier - 1));
        }
        store.advance(frontier);
    };
    fill(1_000);
    let dashboard = start(&store).await;
    let query: String = (0..SYMBOLS).map(|at| format!("watch=SYMBOL{at:04}&")).collect();
    let mut slow = Events::wanting(&dashboard, &query).await;
    let mut quick = Events::wanting(&dashboard, &query).await;
    slow.next().await;
    quick.next().await;
    // About 15 kB per advance: far more in total than the socket buffers hold.
    for at in 2..=ADVANCES {
        fill(at * 1_000);
        assert_eq!(quick.next().await["frontier_ms"], at * 1_000, "a slow viewer holds up no other");
    }
    let (mut seen, mut skipped) = (1_000, false);
    let mut prices = std::collections::BTreeMap::new();
    while seen < ADVANCES * 1_000 {
        let event = slow.next().await;
        let frontier = event["frontier_ms"].as_u64().unwrap();
        assert!(frontier > seen, "{frontier} after {seen}");
        let whole = event["whole"].as_bool().unwrap();
        assert!(whole || frontier == seen + 1_000, "an advance was left out in silence");
        skipped |= whole;
        seen = frontier;
        for row in event["watch"].as_array().unwrap() {
            prices.insert(row["symbol"].to_string(), row["last"].as_f64().unwrap());
        }
    }
    assert!(skipped, "all {ADVANCES} advances were kept for a viewer that did not read");
    let wanted: Vec<_> = (0..SYMBOLS).map(|at| (ADVANCES * 1_000 + at) as f64).collect();
    assert_eq!(prices.into_values().collect::<Vec<_>>(), wanted);
}
