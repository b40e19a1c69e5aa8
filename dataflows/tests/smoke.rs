//! smoke
use dataflows::{batch::RecordBatch, conditions::*, local::*, settings::Settings};
use std::sync::Arc;
#[test]
fn smoke() {
    let mut log = vec![RecordBatch::default(), RecordBatch::default(), RecordBatch::default()];
    let mut off = [0u64; 3];
    let mut x = 12345u64;
    let base = 1_700_000_000_000u64;
    for i in 0..20000u64 {
        x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let p = (i % 3) as usize;
        if i % 50 < 3 {
            let r = format!("{{\"type\":\"progress\",\"source\":\"a\",\"event_ms\":{}}}", base + i * 20 - 3000);
            log[p].push(off[p], r.as_bytes(), None);
        } else {
            let t = base + i * 20 - (x >> 33) % 6000;
            let r = format!(
                "{{\"c\":null,\"p\":{}.{:02},\"s\":\"S{}\",\"t\":{},\"v\":{}}}",
                100 + (x >> 40) % 10,
                (x >> 50) % 100,
                (x >> 20) % 7,
                t,
                (x >> 45) % 4
            );
            log[p].push(off[p], r.as_bytes(), None);
        }
        off[p] += 1;
    }
    for p in 0..3 {
        let r = format!("{{\"type\":\"progress\",\"source\":\"a\",\"event_ms\":{}}}", base + 20000 * 20);
        log[p].push(off[p], r.as_bytes(), None);
    }
    let log = Arc::new(log);
    let settings = Settings::new(ConditionTable::from_toml(BUILT_IN).unwrap());
    let mut plans = vec![];
    for (w, b, s) in [(1, 100, 3), (1, 100000, 0), (2, 37, 1), (4, 1, 2), (3, 5000, 0)] {
        plans.push(Plan {
            workers: w,
            batch_records: b,
            steps: s,
            checkpoints: vec![base / 60000 * 60000 + 120000],
            resume: None,
        });
    }
    let outs: Vec<_> = plans.iter().map(|p| run(&settings, &log, p)).collect();
    for (p, o) in plans.iter().zip(&outs) {
        let l = o.last.clone().unwrap();
        println!(
            "{p:?}: {} {} {} kept {} snaps {} updates {} tallies {:?}",
            l.frontier,
            l.digest,
            l.rows,
            o.kept.len(),
            o.snapshots.len(),
            o.candles.len(),
            l.tallies
        );
    }
    assert!(outs.iter().all(|o| o.last == outs[0].last && o.kept == outs[0].kept));
    let snap = outs[2].snapshots[0].clone();
    for w in [1, 2, 3] {
        let o = run(
            &settings,
            &log,
            &Plan { workers: w, batch_records: 77, steps: 1, checkpoints: vec![], resume: Some(snap.clone()) },
        );
        println!(
            "{:?} from {:?}",
            o.last.as_ref().map(|l| (l.digest, l.rows)),
            snap.header.resume.iter().map(|r| r.offset).collect::<Vec<_>>()
        );
        assert_eq!(o.last, outs[0].last);
    }
}
