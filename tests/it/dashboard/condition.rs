//! The server's judgement, its heartbeats, and gaps.

use dataflows::output::row::GapRow;
use dataflows::settings::ProgressMode;
use serde_json::json;
use tickline::store::{Heartbeat, Life, PartitionLife, SourceLife};

use super::events::Events;
use super::{get, small_store, start};

/// A gap of two seconds.
pub fn gap(partition: u32, from_ms: i64) -> GapRow {
    let (source, cause) = ("one".into(), "closed".into());
    GapRow { partition, offset: 3, source, from_ms, to_ms: from_ms + 2_000, cause, as_of: 11_999 }
}

/// The heartbeat of a pipeline whose only source wrote some time ago.
fn beat(now_ms: u64, silent_ms: u64) -> Heartbeat {
    let source = SourceLife { progress_ms: 12_000, last_record_ms: now_ms - silent_ms, moved_ms: now_ms - silent_ms };
    let sources = [("one".to_owned(), source)].into();
    let partition = PartitionLife { partition: 0, unread: Some(0), waiting: 0, frontier_ms: Some(12_000), sources };
    let life = Life { ended: None, progress: ProgressMode::Records, partitions: vec![partition] };
    Heartbeat { epoch: 7, written_ms: now_ms, life }
}

#[tokio::test]
async fn gaps_are_merged_and_the_newest_are_kept() {
    let store = small_store();
    for row in [gap(1, 1_000), gap(0, 1_000), gap(0, 8_000), gap(0, 20_000)] {
        store.put_gap(row);
    }
    let dashboard = start(&store).await;
    let (_, body) = get(&dashboard, "/api/gaps").await;
    assert_eq!((&body["total"], &body["gaps"][0]["partitions"]), (&json!(3), &json!([0, 1])), "{body}");
    assert_eq!((&body["frontier_ms"], &body["gaps"][0]["complete"]), (&json!(12_000), &json!(true)));
    let (_, body) = get(&dashboard, "/api/gaps?from=3000&to=21000&limit=2").await;
    assert_eq!((&body["total"], &body["gaps"][0]["from_ms"]), (&json!(3), &json!(8_000)), "{body}");
    let (_, body) = get(&dashboard, "/api/gaps?from=3001&to=8001").await;
    assert_eq!(body["total"], 1, "{body}");
}

#[tokio::test]
async fn a_viewer_gets_every_change_of_the_state() {
    let store = small_store();
    let now_ms = tickline::time::now_ms();
    store.beat(beat(now_ms, 1_000));
    let dashboard = start(&store).await;
    let mut viewer = Events::open(&dashboard).await;
    let first = viewer.next().await;
    assert_eq!((&first["state"]["state"], &first["state"]["source"]), (&json!("behind"), &json!("one")));
    store.beat(beat(now_ms, 60_000));
    let silent = viewer.next_state().await;
    assert_eq!((&silent["state"]["state"], &silent["state"]["mood"]), (&json!("source_silent"), &json!("bad")));
    assert_eq!(silent["state"]["since_ms"], now_ms - 60_000);
    let (_, body) = get(&dashboard, "/api/frontier").await;
    assert_eq!(body["state"], silent["state"], "the same judgement");
    store.fail(true);
    let down = viewer.next_state().await;
    assert_eq!(down["state"]["state"], "store_down", "{down}");
    // One that comes now sees it too, and gets its rows when the store is back.
    let mut late = Events::open(&dashboard).await;
    assert_eq!(late.next_state().await["state"]["state"], "store_down");
    store.fail(false);
    assert_eq!(late.next().await["whole"], true);
    assert_eq!(viewer.next_state().await["state"]["state"], "source_silent");
    // Nothing changes any more: heartbeats come all the same.
    let begun = std::time::Instant::now();
    viewer.next_state().await;
    viewer.next_state().await;
    assert!((5..15).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}
