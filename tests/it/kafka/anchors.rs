//! Checkpoints that are kept: a store is verified and replayed from them when retention has removed the log's
//! beginning.

use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tickline::store::address::StoreAddress;

use crate::kafka::producers::{T0, produce, progress};
use crate::shared::broker::{log_address, shared, topic};
use crate::shared::process::{Home, wait_for};
use crate::shared::tables;

const MINUTE_MS: u64 = 60_000;

/// Records of some minutes: in each a trade, a late one that corrects the minute before, and progress.
fn minutes(minutes: std::ops::Range<u64>) -> Vec<Option<Vec<u8>>> {
    let minute = |n: u64| {
        let trade = |ms: u64| format!(r#"{{"p":{},"s":"NVDA","t":{},"v":1}}"#, 5 + n % 7, T0 + ms).into_bytes();
        let late = (n * MINUTE_MS).saturating_sub(70_000);
        [Some(trade(n * MINUTE_MS)), Some(trade(late)), progress(T0 + (n + 1) * MINUTE_MS)]
    };
    minutes.flat_map(minute).collect()
}

fn delete_before(topic: &str, offset: i64) {
    let (runtime, admin, options) = shared().admin();
    let mut first = TopicPartitionList::new();
    first.add_partition_offset(topic, 0, Offset::Offset(offset)).unwrap();
    runtime.block_on(admin.delete_records(&first, &options)).unwrap();
}

/// A store that four runs have made of four hours, each of which left a checkpoint that is kept: at half past two,
/// three, four and five.
fn made(home: &Home, topic: &str) -> String {
    let log = log_address(topic);
    for hour in 0..4 {
        produce(topic, &minutes(hour * 60..hour * 60 + 60));
        home.ok(&format!("work --log {log} --store sqlite:rows.db --until-end --anchor-every 1h"));
    }
    log
}

#[test]
fn verify_begins_at_the_oldest_checkpoint_that_the_log_reaches() {
    let (home, topic) = (Home::new(), topic(1));
    let log = made(&home, &topic);
    let listed = home.ok("checkpoint list --store sqlite:rows.db");
    assert_eq!((listed.matches(" kept").count(), listed.matches(" committed").count()), (4, 1), "{listed}");
    let verify = format!("verify --log {log} --store sqlite:rows.db");
    let whole = home.ok(&format!("{verify} --rows"));
    assert!(whole.contains("frontiers match") && !whole.contains("not compared"), "{whole}");

    // The first hour goes, with some of the second: the checkpoint after the second is the oldest to begin from.
    delete_before(&topic, 190);
    let said = home.ok(&verify);
    let words = [
        "frontiers match",
        "partition 0 starts at offset 190",
        "compared from the checkpoint of",
        "2024-06-03T15:30:00Z",
    ];
    words.iter().for_each(|word| assert!(said.contains(word), "{word}: {said}"));
    let said = home.ok(&format!("{verify} --rows"));
    assert!(said.contains("indicators_5s: 2") && said.contains("not compared"), "{said}");

    // Candles of before cannot be explained any more.
    let explain = format!("explain --log {log} --store sqlite:rows.db --symbol NVDA --window");
    let words = ["it begins at offset 190", "the oldest that can be explained starts at 2024-06-03T15:30:00Z"];
    home.fails(&format!("{explain} 2024-06-03T15:29:59Z"), 3, &words);
    let said = home.ok(&format!("{explain} 2024-06-03T15:30:00Z"));
    assert!(said.contains("the checkpoint of 2024-06-03T15:30:00Z") && said.contains("equal: "), "{said}");

    // A value of a row that was made after it, and one of a row before.
    let store = home.path("rows.db");
    let change = |order: &str| {
        let sql = format!("UPDATE candles_1m SET high = 1e9 WHERE window_start = (SELECT {order} FROM candles_1m)");
        assert_eq!(tables::change(&store, &sql), 1);
    };
    change("min(window_start)");
    home.ok(&format!("{verify} --rows"));
    // A row that the log changes after the checkpoint, and the store does not: an update was lost.
    let old = "UPDATE candles_1h SET as_of = window_start, high = 1 \
               WHERE window_start = (SELECT max(window_start) FROM candles_1h WHERE as_of > window_start + 3000000)";
    assert_eq!(tables::change(&store, old), 1);
    home.fails(&format!("{verify} --rows"), 1, &["1 different, 0 missing"]);
    change("max(window_start)");
    home.fails(&format!("{verify} --rows"), 1, &["2 different, 0 missing"]);

    // A digest that was published after it.
    let sql = "UPDATE frontier_history SET digest = '00000000000000000000000000000001' \
               WHERE frontier = (SELECT max(frontier) FROM frontier_history)";
    assert_eq!(tables::change(&store, sql), 1);
    home.fails(&verify, 1, &["the store has digest"]);

    // Past the last one that is kept, nothing is proved.
    delete_before(&topic, 710);
    home.fails(&verify, 3, &["offset 0 is needed, but the log holds 710.."]);
}

#[test]
fn a_replay_from_a_checkpoint_has_the_digests_of_the_whole() {
    let (home, topic) = (Home::new(), topic(1));
    let log = made(&home, &topic);
    let lines = |command: &str| -> Vec<String> { home.ok(command).lines().map(str::to_owned).collect() };
    let whole = lines(&format!("replay --log {log}"));
    for workers in [1, 2, 4] {
        let from = format!("replay --log {log} --checkpoints-of sqlite:rows.db --workers {workers} --from");
        // In between, at a checkpoint, and as of the newest, after which there is nothing.
        for (time, count) in [("2024-06-03T15:40:00Z", 111), ("2024-06-03T16:30:00Z", 61), ("2024-06-03T17:30:00Z", 1)]
        {
            let part = lines(&format!("{from} {time}"));
            assert_eq!(part.len(), count, "{part:?}");
            assert!(whole.ends_with(&part), "from {time} with {workers} workers");
        }
    }
    home.fails(
        &format!("replay --log {log} --checkpoints-of sqlite:rows.db --from 2024-06-03T14:00:00Z"),
        2,
        &["no checkpoint at or before 2024-06-03T14:00:00Z", "the oldest: "],
    );
    let from = format!("replay --log {log} --checkpoints-of sqlite:rows.db --from 2024-06-03T16:40:00Z");
    home.fails(&format!("{from} --until 2024-06-03T16:00:00Z"), 2, &["--until is before --from"]);
    home.ok(&format!("{from} --write-to sqlite:part.db"));
    home.fails(&format!("verify --log {log} --store sqlite:part.db"), 2, &["from the checkpoint of"]);
}

#[test]
fn rows_as_of_a_time_need_a_checkpoint_that_the_log_reaches() {
    let (home, topic) = (Home::new(), topic(1));
    let log = made(&home, &topic);
    let then = |time: &str| {
        let line =
            |rows: &str| format!("{rows} --store sqlite:rows.db --symbol NVDA --log {log} --as-of {time} --format csv");
        ["candles --resolution 5s", "candles --resolution 1h", "candles --resolution 1d", "indicators"].map(line)
    };
    // Between checkpoints, at one, and as of what is published.
    let times = ["2024-06-03T15:59:59.999Z", "2024-06-03T15:30:00Z", "2024-06-03T17:30:00Z"];
    let whole = times.map(|time| then(time).map(|line| home.ok(&line)));
    let early = then("2024-06-03T14:40:20Z").map(|line| home.ok(&line));
    assert!(early.iter().all(|text| text.lines().count() > 1) && early[0] != whole[0][0], "{early:?}");

    // The first checkpoint is gone: nothing before the second can be computed, and all from there on is as it was.
    delete_before(&topic, 190);
    for line in then("2024-06-03T14:40:20Z") {
        home.fails(
            &line,
            3,
            &[
                "rows of 2024-06-03T14:40:20Z were changed later",
                "the log no longer has the records",
                "it begins at 0=190",
                "the oldest time that it has everything for is 2024-06-03T15:30:00Z",
            ],
        );
    }
    for (time, whole) in times.into_iter().zip(whole) {
        assert_eq!(then(time).map(|line| home.ok(&line)), whole, "as of {time}");
    }
    // What has not changed since needs no log.
    let old =
        format!("candles --store sqlite:rows.db --symbol NVDA --resolution 5s --to 2024-06-03T14:00:00Z --log {log}");
    assert_eq!(
        home.ok(&format!("{old} --as-of 2024-06-03T14:40:20Z --format csv")),
        home.ok(&format!("{old} --format csv"))
    );
    delete_before(&topic, 710);
    home.fails(
        &then("2024-06-03T16:00:00Z")[0],
        3,
        &["the oldest time that it has everything for is 2024-06-03T17:30"],
    );
}

#[test]
fn a_kept_checkpoint_can_be_dropped() {
    let (home, topic) = (Home::new(), topic(1));
    let log = made(&home, &topic);
    let kept = || -> Vec<String> {
        let listed: serde_json::Value =
            serde_json::from_str(&home.ok("checkpoint list --store sqlite:rows.db --format json")).unwrap();
        let of = |state: &'static str| {
            let all = listed.as_array().unwrap().iter().filter(move |info| info["state"] == state);
            all.map(|info| info["frontier"].as_str().unwrap().to_owned())
        };
        assert_eq!((of("committed").count(), of("unfinished").count()), (1, 0), "{listed}");
        of("kept").collect()
    };
    let before = kept();
    home.ok(&format!("checkpoint drop {} --store sqlite:rows.db", before[1]));
    assert_eq!(kept(), [&before[..1], &before[2..]].concat());
    // The others are whole, and the pipeline goes on.
    produce(&topic, &minutes(240..245));
    home.ok(&format!("work --log {log} --store sqlite:rows.db --until-end"));
    delete_before(&topic, 10);
    let said = home.ok(&format!("verify --log {log} --store sqlite:rows.db"));
    assert!(said.contains("compared from the checkpoint of"), "{said}");
    home.ok(&format!("replay --log {log} --checkpoints-of sqlite:rows.db --from {}", before[2]));
}

/// Number of checkpoints that are kept.
fn kept(home: &Home) -> usize {
    home.ok("checkpoint list --store sqlite:rows.db").matches(" kept").count()
}

#[test]
fn retention_removes_the_beginning_under_a_live_worker() {
    let (home, topic) = (Home::new(), topic(1));
    let log = log_address(&topic);
    produce(&topic, &minutes(0..1));
    let mut worker = home.start(&format!(
        "work --log {log} --store sqlite:rows.db --anchor-every 10m --checkpoint-every 1s --workers 2"
    ));
    wait_for("its store", || {
        assert!(worker.is_alive(), "{}", worker.stderr());
        tables::progress(&home.path("rows.db")).frontier
    });
    // A checkpoint is as of a window after the frontier: it is made while minutes follow each other.
    let mut minute = 1;
    let mut until = |enough: &dyn Fn(u64) -> bool| {
        while !enough(minute) {
            assert!(minute < 2_000, "the pipeline makes no checkpoints");
            produce(&topic, &minutes(minute..minute + 1));
            minute += 1;
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        minute
    };
    until(&|minute| minute > 60 && minute.is_multiple_of(10) && kept(&home) >= 4);
    let verify = format!("verify --log {log} --store sqlite:rows.db --rows --record");
    assert!(!home.ok(&verify).contains("compared from the checkpoint"), "the log is whole");

    // Retention takes the first half hour, and minutes go on.
    delete_before(&topic, 90);
    let more = until(&|_| true) + 3;
    until(&|minute| minute > more);
    let said = home.ok(&verify);
    for words in ["partition 0 starts at offset 90", "compared from the checkpoint of 2024-06-03T14:", "not compared"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let store: StoreAddress = format!("sqlite:{}", home.path("rows.db").display()).parse().unwrap();
    let proved = || store.open_reader().unwrap().verification().unwrap().unwrap();
    let first = proved();
    assert!(first.is_ok && first.missing_records == 90 && first.frontiers > 20 && first.rows > 100, "{first:?}");
    assert!(first.from_ms >= T0 + 30 * MINUTE_MS && first.until_ms > T0 + 60 * MINUTE_MS, "{first:?}");
    let to = until(&|minute| minute > more + 10);
    home.ok(&verify);
    assert!(proved().until_ms > first.until_ms, "it goes on");

    // Minutes that no checkpoint covers, and retention takes them at once. In a log that is stalled none is made.
    let committed = || {
        let listed: serde_json::Value =
            serde_json::from_str(&home.ok("checkpoint list --store sqlite:rows.db --format json")).unwrap();
        let of = listed.as_array().unwrap().iter().find(|checkpoint| checkpoint["state"] == "committed").unwrap();
        of["frontier"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond().unsigned_abs()
    };
    let mut end = to;
    loop {
        let next = end + 5;
        end = until(&|minute| minute >= next);
        wait_for("the frontier", || {
            let reached = tables::progress(&home.path("rows.db")).frontier;
            (reached >= Some(T0 + end * MINUTE_MS)).then_some(())
        });
        if committed() < T0 + (end - 1) * MINUTE_MS {
            break;
        }
    }
    delete_before(&topic, 3 * i64::try_from(end).unwrap());
    home.fails(&verify, 3, &["offset 0 is needed, but the log holds "]);
    assert!(proved().is_ok, "the last result stays");
    assert!(worker.is_alive(), "{}", worker.stderr());
    worker.terminate();
    worker.end("the worker").is(0, &[]);
}
