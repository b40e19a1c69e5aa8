//! The description of the API (`/api/openapi.json`) against what it really answers.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Value, json};
use tickline::dashboard::Dashboard;

use super::events::Events;
use super::fake::FakeStore;
use super::{get, small_store, start};

/// Checks a value against one schema of the description.
fn schema(described: &Value, name: &str) -> Validator {
    let whole = json!({ "$ref": format!("#/components/schemas/{name}"), "components": described["components"] });
    jsonschema::draft202012::new(&whole).unwrap()
}

#[track_caller]
fn fits(schema: &Validator, value: &Value) {
    let wrong: Vec<_> = schema.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{value}");
}

async fn described(dashboard: &Dashboard) -> Value {
    get(dashboard, "/api/openapi.json").await.1
}

#[tokio::test]
async fn every_response_matches_its_schema() {
    let store = small_store();
    store.put_gap(super::condition::gap(0, 1_000));
    let dashboard = start(&store).await;
    let described = described(&dashboard).await;
    for (path, request) in [
        ("/api/frontier", ""),
        ("/api/gaps", ""),
        ("/api/gaps", "?from=1000&to=2026-01-01T00:00:00Z&limit=1"),
        ("/api/gaps", "?from=5&to=5"),
        ("/api/play", ""),
        ("/api/symbols", ""),
        ("/api/symbols", "?query=a&traded=true&exchange=US&limit=3"),
        ("/api/candles", "?symbol=AAPL"),
        ("/api/candles", "?symbol=AAPL&resolution=5s&from=5000&to=1970-01-01T00:01:00Z&since=0&limit=7"),
        ("/api/candles", "?symbol=NONE"),
        ("/api/candles", "?symbol="),
        ("/api/candles", "?symbol=AAPL&limit=0"),
        ("/api/indicators", "?symbol=AAPL"),
        ("/api/indicators", "?symbol=AAPL&resolution=1m"),
    ] {
        let (status, body) = get(&dashboard, &format!("{path}{request}")).await;
        let responses = &described["paths"][path]["get"]["responses"];
        let mut response = &responses[status.as_str()];
        if let Some(name) = response["$ref"].as_str() {
            response = described.pointer(name.trim_start_matches('#')).unwrap();
        }
        let name = response["content"]["application/json"]["schema"]["$ref"].as_str();
        let name = name.unwrap_or_else(|| panic!("{path}{request}: {status} is not described"));
        fits(&schema(&described, name.rsplit('/').next().unwrap()), &body);
    }
}

#[tokio::test]
async fn every_event_matches_its_schema() {
    let store = small_store();
    let dashboard = start(&store).await;
    let event = schema(&described(&dashboard).await, "Event");
    let mut viewer = Events::wanting(&dashboard, "watch=AAPL&indicators=true").await;
    let whole = viewer.next().await;
    assert!(!whole["chart"]["indicators"].as_array().unwrap().is_empty() && !whole["watch"][0]["spark"].is_null());
    fits(&event, &whole);
    store.advance(13_000);
    fits(&event, &viewer.next().await);
    let empty = start(&FakeStore::default()).await;
    let mut viewer = Events::open(&empty).await;
    fits(&event, &viewer.next().await);
    fits(&schema(&described(&empty).await, "Heartbeat"), &viewer.next_state().await);
}

#[tokio::test]
async fn schema_check_detects_mismatches() {
    let dashboard = start(&small_store()).await;
    let described = described(&dashboard).await;
    let (_, mut body) = get(&dashboard, "/api/frontier").await;
    let frontier = schema(&described, "Frontier");
    fits(&frontier, &body);
    body["more"] = json!(1);
    assert!(!frontier.is_valid(&body), "a field that is not described is found");
    body.as_object_mut().unwrap().remove("more");
    body["counters"].as_object_mut().unwrap().remove("late");
    assert!(!frontier.is_valid(&body), "a field that is not there is found");
}

#[tokio::test]
async fn every_path_and_parameter_is_described() {
    let dashboard = start(&small_store()).await;
    let described = described(&dashboard).await;
    for (path, item) in described["paths"].as_object().unwrap() {
        let plain = reqwest::get(format!("http://{}{path}", dashboard.addr())).await.unwrap();
        assert!(plain.status() != 404 && plain.status() != 405, "{path}: {}", plain.status());
        let mut known = BTreeSet::new();
        for parameter in item["get"]["parameters"].as_array().into_iter().flatten() {
            let named = parameter["$ref"].as_str().map(|name| described.pointer(name.trim_start_matches('#')).unwrap());
            known.insert(named.unwrap_or(parameter)["name"].as_str().unwrap().to_owned());
        }
        if !path.starts_with("/api/") || path.ends_with(".json") {
            assert!(known.is_empty(), "{path}");
            continue;
        }
        // The error for an unknown parameter lists the known ones.
        let (_, refused) = get(&dashboard, &format!("{path}?no_such=1")).await;
        let hint = refused["hint"].as_str().unwrap().trim_start_matches("known parameters: ");
        let taken: BTreeSet<_> = hint.split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect();
        assert_eq!(taken, known, "{path}");
    }
}
