//! Memory of a process that reads a backlog of many partitions.

use crate::shared::broker::{log_address, topic};
use crate::shared::pids::memory_bytes;
use crate::shared::process::{Home, wait_for};
use tickline::log::address::LogAddress;

const PARTITIONS: u32 = 12;
/// Per partition. A process that fetches all of them at once takes 240 MB.
const RECORDS: u64 = 40_000;
const MEMORY_MAX_KB: u64 = 176 << 10;

#[test]
fn a_backlog_on_many_partitions_is_read_in_bounded_memory() {
    let (home, log) = (Home::new(), log_address(&topic(PARTITIONS)));
    let mut writer = log.parse::<LogAddress>().unwrap().open_writer().unwrap();
    for n in 0..RECORDS {
        for partition in 0..PARTITIONS {
            let t = 1_700_000_000_000 + n;
            let trade = format!(r#"{{"c":["1"],"p":224.52,"s":"S{partition}","t":{t},"v":100}}"#);
            writer.append(partition, None, trade.as_bytes()).unwrap();
        }
    }
    let bye = [r#"{"type":"progress","source":"s","event_ms":1700001000000}"#, r#"{"type":"bye","source":"s"}"#];
    for partition in 0..PARTITIONS {
        bye.iter().for_each(|record| writer.append(partition, None, record.as_bytes()).unwrap());
    }
    writer.sync().unwrap();
    let mut replay = home.start(&format!("replay --log {log} --workers 1"));
    let mut peak = 0;
    wait_for("the end of the replay", || {
        peak = memory_bytes(replay.id(), "VmHWM").map_or(0, |bytes| bytes >> 10).max(peak);
        (!replay.is_alive()).then_some(())
    });
    let ended = replay.end("replay");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("digest"), "{ended:?}");
    assert!((1..MEMORY_MAX_KB).contains(&peak), "peak of {peak} KiB");
    println!("peak of {peak} KiB");
}
