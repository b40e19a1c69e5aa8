//! `--from-log`: a copied log is the same log, and one that is merged with files has the trades of both.

use tickline::exit_code;

use super::{T0, judge, partition, run, trade, write};

#[test]
fn a_copied_log_is_the_same_log() {
    let home = tempfile::tempdir().unwrap();
    write(&home.path().join("a"), &(0..500).map(|n| trade(n % 9, T0 + 100 * n as u64, n)).collect::<Vec<_>>());
    run(home.path(), "@/a --log dir:@/log --partitions 3").unwrap();
    run(home.path(), "--from-log dir:@/log --log dir:@/copy").unwrap();
    for p in 0..3 {
        assert_eq!(partition(&home.path().join("copy"), p), partition(&home.path().join("log"), p));
    }
    let error = run(home.path(), "--from-log dir:@/log --log dir:@/other --partitions 5");
    assert_eq!(exit_code::of(&error.unwrap_err()), 2);
    let error = run(home.path(), "--from-log dir:@/log --log dir:@/log");
    assert_eq!(exit_code::of(&error.unwrap_err()), 2);
}

#[test]
fn a_log_is_merged_with_files() {
    let home = tempfile::tempdir().unwrap();
    let trades = |minutes: std::ops::Range<u64>| -> Vec<String> {
        minutes.map(|n| trade(n as usize % 9, T0 + 60_000 * n, n as usize)).collect()
    };
    let gap = r#"{"type":"gap","source":"x","from_ms":1,"to_ms":2,"cause":"y"}"#.to_owned();
    let new = [trades(100..130), vec![gap, "odd".to_owned()], trades(130..200)].concat();
    write(&home.path().join("new"), &new);
    write(&home.path().join("old"), &trades(0..100));
    run(home.path(), "@/new --log dir:@/log --partitions 3").unwrap();
    let error = run(home.path(), "@/old --log dir:@/log").unwrap_err();
    assert_eq!(exit_code::of(&error), 2);
    run(home.path(), "@/old --from-log dir:@/log --log dir:@/both").unwrap();
    write(&home.path().join("all"), &[trades(0..100), new].concat());
    run(home.path(), "@/all --log dir:@/once --partitions 3").unwrap();
    for p in 0..3 {
        let [both, once] = ["both", "once"].map(|log| judge(&partition(&home.path().join(log), p)));
        assert_eq!(both, once);
        assert_eq!((both.late, both.too_far_ahead), (0, 0));
    }
    let error = run(home.path(), "@/old --from-log dir:@/log --log dir:@/log").unwrap_err();
    assert_eq!(exit_code::of(&error), 2);
}
