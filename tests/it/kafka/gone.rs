//! `tickline verify` with a topic whose first records retention has removed.

use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::kafka::producers::{T0, produce, progress};
use crate::shared::broker::{log_address, shared, topic};
use crate::shared::process::Home;
use crate::shared::tables;

const MINUTE_MS: u64 = 60_000;

#[test]
fn without_its_beginning_a_log_decides_later_candles_only() {
    let (home, topic) = (Home::new(), topic(1));
    // A trade and a progress record per minute, for four hours.
    let minute = |n: u64| {
        let trade = format!(r#"{{"p":{},"s":"NVDA","t":{},"v":1}}"#, 5 + n % 7, T0 + n * MINUTE_MS);
        [progress(T0 + n * MINUTE_MS), Some(trade.into_bytes())]
    };
    let records: Vec<_> = (0..240).flat_map(minute).chain([progress(T0 + 240 * MINUTE_MS)]).collect();
    produce(&topic, &records);
    let (log, store) = (log_address(&topic), home.path("rows.db"));
    home.ok(&format!("work --log {log} --store sqlite:rows.db --until-end"));
    let verify = format!("verify --log {log} --store sqlite:rows.db");
    assert!(home.ok(&format!("{verify} --rows")).contains("candles_1m: 240 equal"));

    // The first hour goes: two records per minute.
    let (runtime, admin, options) = shared().admin();
    let mut first = TopicPartitionList::new();
    first.add_partition_offset(&topic, 0, Offset::Offset(120)).unwrap();
    runtime.block_on(admin.delete_records(&first, &options)).unwrap();
    home.fails(&verify, 3, &["offset 0 is needed, but the log holds 120..", "verify --rows"]);
    // A trade may be an hour ahead of its partition's frontier, so windows from the third hour on are decided.
    let said = home.ok(&format!("{verify} --rows"));
    let words = [
        "the log no longer has its beginning (partition 0 starts at offset 120)",
        "no frontier and no row of indicators was compared",
        "candles_1m: 119 equal",
        "; 121 not compared (they depend on records that the log no longer has)",
        "indicators_5s: 0 equal; 240 not compared",
    ];
    words.iter().for_each(|word| assert!(said.contains(word), "{word}: {said}"));

    let change = |row: &str| {
        let sql = format!("UPDATE candles_1m SET high = 1e9 WHERE window_start = (SELECT {row} FROM candles_1m)");
        assert_eq!(tables::change(&store, &sql), 1);
    };
    // A replay of what is left would make incomplete rows out of complete ones.
    let before = tables::all(&store);
    let replay = format!("replay --log {log} --write-to sqlite:rows.db");
    home.fails(&replay, 3, &["the log holds 120..", "rows would replace complete ones", "write to a new one"]);
    assert!(tables::all(&store) == before, "nothing was written");
    // A store that was made after the removal agrees in everything.
    home.ok(&format!("work --log {log} --store sqlite:rest.db --until-end"));
    let rest = home.ok(&format!("verify --log {log} --store sqlite:rest.db --rows"));
    assert!(rest.contains("frontiers match") && rest.contains("indicators_5s: 180 equal, "), "{rest}");

    change("min(window_start)");
    home.ok(&format!("{verify} --rows"));
    change("max(window_start)");
    home.fails(&format!("{verify} --rows"), 1, &["1 different, 0 missing"]);

    // When nearly everything is gone, nothing is decided, and no check is green.
    let mut more = TopicPartitionList::new();
    more.add_partition_offset(&topic, 0, Offset::Offset(460)).unwrap();
    runtime.block_on(admin.delete_records(&more, &options)).unwrap();
    home.fails(&format!("{verify} --rows"), 3, &["the log holds 460..", "may have changed every row"]);
}
