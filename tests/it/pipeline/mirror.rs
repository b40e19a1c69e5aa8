//! The mirror of rejected records: at least once, and written before the store's frontier has passed them.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::pipeline::growing::below;
use crate::shared::process::{Home, wait_for};
use crate::shared::tables;

/// Partition, offset, index.
type Place = (u64, u64, u64);
/// Reason, time step and bytes as text, by place.
type Rejected = BTreeMap<Place, (String, u64, String)>;

/// A log of two partitions, with a rejected record between every `step` good ones.
fn home(trades: u64, step: usize) -> Home {
    let home = Home::new();
    home.simulate("trades.jsonl", trades, "2024-01-02T12:00:00Z");
    home.ok("import trades.jsonl --log dir:log --partitions 2");
    for partition in 0..2 {
        let name = format!("log/partition-{partition:05}.jsonl");
        let good = std::fs::read_to_string(home.path(&name)).unwrap();
        let good: Vec<&str> = good.lines().collect();
        let mut all = String::new();
        for (n, some) in good.chunks(step).enumerate() {
            // None is the last: after the end of the import it would wait for another source.
            if n > 0 {
                all += &format!("{{\"s\":\"BAD {partition} {n}\",\"p\":null,\"v\":1,\"t\":1}}\n");
            }
            some.iter().for_each(|line| all += &format!("{line}\n"));
        }
        home.write(&name, all);
    }
    home
}

/// The rejected records in the store.
fn stored(path: &Path) -> Rejected {
    let store = tables::open(path);
    let sql = "SELECT log_partition, log_offset, item, reason, as_of, CAST(original AS TEXT) FROM rejected";
    let mut statement = store.prepare(sql).unwrap();
    let row = |row: &rusqlite::Row<'_>| {
        let place = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok((place, (row.get(3)?, row.get(4)?, row.get(5)?)))
    };
    statement.query_map([], row).unwrap().map(|row| row.unwrap()).collect()
}

/// The rejected records in the mirror. Each kill may leave one torn line, which the next writer ends.
fn mirrored(home: &Home, kills: usize) -> Rejected {
    let mut all = Rejected::new();
    let mut torn = 0;
    for partition in 0..2 {
        let bytes = std::fs::read(home.path(&format!("mirror/partition-{partition:05}.jsonl"))).unwrap();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Ok(record) = serde_json::from_slice::<Value>(line) else {
                torn += 1;
                continue;
            };
            let number = |name: &str| record[name].as_u64().unwrap();
            let text = |name: &str| record[name].as_str().unwrap().to_string();
            assert_eq!((text("type"), text("log")), ("rejected".to_string(), "dir:log".to_string()));
            assert_eq!(number("partition"), partition, "each is in the partition that it comes from");
            let place = (number("partition"), number("offset"), number("index"));
            let rejected = (text("reason"), number("as_of"), text("original"));
            let before = all.insert(place, rejected.clone());
            assert!(before.is_none_or(|before| before == rejected), "a repeated record is the same");
        }
    }
    assert!(torn <= kills, "{torn} torn lines after {kills} kills");
    all
}

fn assert_holds(mirrored: &Rejected, stored: &Rejected) {
    let missing = stored.iter().find(|(place, row)| mirrored.get(place) != Some(row));
    assert!(missing.is_none(), "{missing:?} is in the store and not in the mirror ({})", mirrored.len());
}

#[test]
fn kills_lose_no_rejected_records() {
    const KILLS: usize = 6;
    let home = home(400_000, 100);
    let rows = home.path("rows.db");
    let work = "work --log dir:log --store sqlite:rows.db --rejected-to dir:mirror --workers 2";
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut by_kill = Vec::new();
    for round in 0..KILLS {
        let before = tables::progress(&rows);
        let process = home.start(&format!("{work} --checkpoint-every 1ms --read-ahead 5s"));
        wait_for("the frontier to move", || {
            let now = tables::progress(&rows);
            (now.epoch > before.epoch && now.frontier > before.frontier).then_some(())
        });
        std::thread::sleep(Duration::from_millis(below(&mut rng, 10)));
        process.kill();
        let stored = stored(&rows);
        assert_holds(&mirrored(&home, round + 1), &stored);
        by_kill.push(stored.len());
    }
    home.ok(&format!("{work} --until-end"));
    let stored = stored(&rows);
    let during = by_kill.iter().filter(|&&n| n > 0 && n < stored.len()).count();
    assert!(during >= 2, "kills came between rejected records: {by_kill:?} of {}", stored.len());
    assert!(stored.values().all(|(reason, ..)| reason == "bad_price"));
    assert!(stored.keys().any(|place| place.0 == 0) && stored.keys().any(|place| place.0 == 1));
    assert_eq!(mirrored(&home, KILLS), stored);
}

#[test]
fn frontier_waits_for_the_mirror() {
    let home = home(2_000, 200);
    home.ok("work --log dir:log --store sqlite:expected.db --until-end");
    let expected = stored(&home.path("expected.db"));
    let first = expected.values().map(|(_, as_of, _)| *as_of).min().unwrap();
    std::fs::create_dir(home.path("mirror")).unwrap();
    let files = [0, 1].map(|partition| home.path(&format!("mirror/partition-{partition:05}.jsonl")));
    files.iter().for_each(|file| symlink("/dev/full", file).unwrap());
    let work = "work --log dir:log --store sqlite:rows.db --rejected-to dir:mirror --until-end";
    home.fails(work, 1, &["writing to the rejected-records mirror failed", "mirror", "No space left"]);
    let durable = tables::progress(&home.path("rows.db")).frontier;
    assert!(durable.is_none_or(|durable| durable <= first), "{durable:?} is past {first}");
    assert!(stored(&home.path("rows.db")).is_empty());
    // Now there is room.
    files.iter().for_each(|file| std::fs::remove_file(file).unwrap());
    home.ok(work);
    assert_eq!(mirrored(&home, 0), expected);
    tables::assert_same(&home.path("rows.db"), &home.path("expected.db"));
}

#[test]
fn invalid_mirror_fails_at_once() {
    let home = home(100, 50);
    let work = "work --log dir:log --until-end";
    home.fails(&format!("{work} --store none --rejected-to dir:mirror"), 2, &["--rejected-to", "none"]);
    home.fails(
        &format!("{work} --store sqlite:rows.db --rejected-to dir:./log"),
        2,
        &["--rejected-to", "the log itself"],
    );
    home.fails(&format!("{work} --store sqlite:rows.db --rejected-to mirror"), 2, &["dir:PATH"]);
    home.write("mirror", "");
    home.fails(&format!("{work} --store sqlite:rows.db --rejected-to dir:mirror"), 1, &["cannot mirror to dir:mirror"]);
}
