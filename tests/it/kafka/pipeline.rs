//! The dataflow on a topic: the same rows as on a directory, even after a kill; and clear errors when the topic has
//! lost records that a restart needs.

use rdkafka::admin::NewPartitions;
use rdkafka::{Offset, TopicPartitionList};
use tickline::log::address::LogAddress;

use crate::shared::broker::{log_address, shared, topic};
use crate::shared::process::{Home, Running, wait_for};
use crate::shared::tables;

const PARTITIONS: u32 = 3;
const TRADES: u64 = 150_000;

/// A log in `dir:whole`, made of three parts of some minutes each, and in `wanted.db` what an undisturbed run makes of
/// it.
fn home() -> Home {
    let home = Home::new();
    home.simulate("trades.jsonl", TRADES, "2024-01-02T23:56:30Z");
    let text = std::fs::read_to_string(home.path("trades.jsonl")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for (part, lines) in lines.chunks(lines.len() / 3).enumerate() {
        home.write(&format!("part-{part}.jsonl"), lines.join("\n") + "\n");
    }
    (0..3).for_each(|part| import(&home, part, "dir:whole"));
    home.ok("work --log dir:whole --store sqlite:wanted.db --until-end");
    home
}

/// Adds a part: the same records at the same offsets in every log.
fn import(home: &Home, part: u32, log: &str) {
    home.ok(&format!("import part-{part}.jsonl --as-live --log {log} --partitions {PARTITIONS}"));
}

fn same_tables(home: &Home) {
    for table in tables::ROWS {
        let sql = format!("SELECT * FROM {table} ORDER BY 1, 2, 3");
        let rows = |name: &str| tables::rows(&tables::open(&home.path(name)), &sql);
        assert!(rows("wanted.db") == rows("rows.db"), "{table} differs");
    }
}

/// Starts a worker over the topic that checkpoints often and never ends by itself.
fn work(home: &Home, log: &str) -> Running {
    home.start(&format!("work --log {log} --store sqlite:rows.db --workers 2 --checkpoint-every 1ms"))
}

/// A topic with the first two parts, and a store into which a worker, killed, worked some of it up to a checkpoint.
fn worked() -> (Home, String, String) {
    let (home, topic) = (home(), topic(PARTITIONS));
    let log = log_address(&topic);
    import(&home, 0, &log);
    let worker = work(&home, &log);
    wait_for("the first rows", || tables::progress(&home.path("rows.db")).frontier);
    import(&home, 1, &log);
    wait_for("a checkpoint", || tables::progress(&home.path("rows.db")).checkpoint);
    worker.kill();
    (home, topic, log)
}

#[test]
fn topic_and_directory_have_equal_digests() {
    let home = home();
    let log = log_address(&topic(PARTITIONS));
    home.ok(&format!("import --from-log dir:whole --log {log}"));
    let last = |log: &str, workers: u32| {
        let lines = home.ok(&format!("replay --log {log} --workers {workers}"));
        lines.lines().last().unwrap().to_owned()
    };
    let wanted = last("dir:whole", 1);
    assert!(wanted.contains("digest"), "{wanted}");
    for workers in [1, 2, 4] {
        assert_eq!(last(&log, workers), wanted, "{workers} workers");
    }
    home.ok(&format!("import --from-log {log} --log dir:back"));
    assert_eq!(last("dir:back", 1), wanted, "and back again");
}

#[test]
fn a_killed_worker_resumes_with_equal_rows() {
    let (home, _, log) = worked();
    import(&home, 2, &log);
    let by_then = tables::progress(&home.path("rows.db"));
    home.ok(&format!("work --log {log} --store sqlite:rows.db --workers 3 --until-end"));
    let now = tables::progress(&home.path("rows.db"));
    assert!(now.epoch > by_then.epoch && now.frontier > by_then.frontier, "the kill hit work in progress: {by_then:?}");
    same_tables(&home);
    home.ok(&format!("verify --log {log} --store sqlite:rows.db --workers 2"));
}

#[test]
fn records_removed_unread_end_the_worker() {
    let (home, topic, log) = worked();
    let (runtime, admin, options) = shared().admin();
    let mut all = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        all.add_partition_offset(&topic, partition as i32, Offset::End).unwrap();
    }
    runtime.block_on(admin.delete_records(&all, &options)).unwrap();
    let says = [topic.as_str(), "partition", "offset", "is needed, but the log holds", "retention"];
    for _ in 0..2 {
        work(&home, &log).end("the worker ends").is(3, &says);
    }
}

#[test]
fn a_recreated_topic_ends_the_worker() {
    let (home, topic, log) = worked();
    let (runtime, admin, options) = shared().admin();
    runtime.block_on(admin.delete_topics(&[&topic], &options)).unwrap().into_iter().for_each(|r| drop(r.unwrap()));
    wait_for("the topic is gone", || {
        home.run(&format!("status --store sqlite:rows.db --log {log}")).code.filter(|c| *c == 2)
    });
    shared().create_topic(&topic, PARTITIONS);
    home.ok(&format!("import --from-log dir:whole --log {log}"));
    for _ in 0..2 {
        work(&home, &log).end("the worker ends").is(3, &[&topic, "was replaced"]);
    }
}

/// Trades of one symbol, of one second each, with the progress that completes them.
fn complete_trades(symbol: &str, seconds: std::ops::Range<u64>) -> String {
    let second = |second: u64| {
        let t = complete_trades_end(second);
        format!("{{\"s\":\"{symbol}\",\"p\":1.5,\"v\":1,\"t\":{t}}}\n")
            + &format!("{{\"type\":\"progress\",\"source\":\"one\",\"event_ms\":{}}}\n", t + 1_000)
    };
    seconds.map(second).collect()
}

/// The frontier after that many seconds of them.
fn complete_trades_end(seconds: u64) -> u64 {
    1_700_000_000_000 + seconds * 1_000
}

fn write(log: &str, lines: &str) {
    let address: LogAddress = log.parse().unwrap();
    let mut writer = wait_for("the broker knows the topic", || address.open_writer().ok());
    lines.lines().for_each(|line| writer.append(0, None, line.as_bytes()).unwrap());
    writer.sync().unwrap();
}

#[test]
fn no_row_of_a_topic_made_again_is_ever_stored() {
    // A worker at the beginning of a topic would read on in another one; one past its end would fail there at once.
    for (round, seconds) in [0, 60, 0, 60, 0].into_iter().enumerate() {
        let (home, topic) = (Home::new(), topic(1));
        let log = log_address(&topic);
        write(&log, &complete_trades("OLD", 0..seconds));
        let worker = work(&home, &log);
        let rows = |sql: &str| tables::rows(&tables::open(&home.path("rows.db")), sql);
        wait_for("an epoch", || (tables::progress(&home.path("rows.db")).epoch > 0).then_some(()));
        wait_for("the worker reads", || (!rows("SELECT epoch FROM heartbeats").is_empty()).then_some(()));
        let all = Some(complete_trades_end(seconds)).filter(|_| seconds > 0);
        wait_for("the old rows", || (tables::progress(&home.path("rows.db")).frontier == all).then_some(()));
        let symbols = || rows("SELECT DISTINCT symbol FROM candles_5s");
        let before = symbols();
        shared().make_again(&topic, 1);
        // Complete at once.
        write(&log, &complete_trades("NEW", 60..600));
        worker.end("the worker ends").is(3, &[&topic, "was replaced"]);
        assert_eq!(symbols(), before, "round {round}");
        work(&home, &log).end("the worker ends").is(3, &[&topic, "was replaced"]);
        assert_eq!(symbols(), before, "round {round}, started again");
    }
}

#[test]
fn added_partitions_end_the_worker() {
    let (home, topic, log) = worked();
    let epoch = || tables::progress(&home.path("rows.db")).epoch;
    let before = epoch();
    let worker = work(&home, &log);
    // It has looked at the topic when it takes over.
    wait_for("it runs", || (epoch() > before).then_some(()));
    let (runtime, admin, options) = shared().admin();
    let more = NewPartitions::new(&topic, 5);
    runtime.block_on(admin.create_partitions([&more], &options)).unwrap().into_iter().for_each(|r| drop(r.unwrap()));
    worker.end("the running worker ends").is(3, &[&topic, "had 3 partitions and now has 5"]);
    work(&home, &log).end("the worker ends").is(3, &["5 partitions", "3"]);
}
