//! The first look, which comes before anything is written.

use super::{T0, partition, trade, write};
use crate::shared::process::Home;

#[test]
fn a_dry_run_shows_and_writes_nothing() {
    let home = Home::new();
    write(&home.path("up"), &[trade(1, T0, 1), trade(2, T0 + 500, 1)]);
    write(&home.path("down"), &[trade(1, T0 + 9_000, 1), trade(1, T0, 1), "x".to_owned()]);
    let shown = home.ok("import up down --dry-run --log dir:log");
    assert_eq!(
        shown,
        "up: JSON Lines, 2 trades of 2 symbols (X:S1, X:S2), 2023-11-14T23:00:00Z to 2023-11-14T23:00:00.5Z, oldest \
         first\ndown: JSON Lines, 2 trades of 1 symbol (X:S1), 2023-11-14T23:00:00Z to 2023-11-14T23:00:09Z, newest \
         first; 1 not trades\n"
    );
    assert!(!home.path("log").exists());
}

#[test]
fn files_without_trades_are_errors() {
    let home = Home::new();
    write(&home.path("good"), &[trade(1, T0, 1)]);
    write(&home.path("bad"), &["nonsense ".repeat(30), trade(1, 5, 1)]);
    home.fails("import good bad --log dir:log", 2, &["bad: no line is a trade; line 1: not", "nonsense", " ..."]);
    assert!(!home.path("log").exists());
}

#[test]
fn the_first_invalid_lines_are_shown() {
    let home = Home::new();
    let mut lines: Vec<String> = (0..5).map(|n| format!("odd {n}")).collect();
    lines.push(trade(1, T0, 1));
    write(&home.path("a"), &lines);
    let ended = home.run("import a --log dir:log --partitions 1");
    ended.is(0, &["5 of the lines and trades are not valid", "a, line 1", "\"odd 2\""]);
    assert!(!ended.stderr.contains("odd 3"), "{ended:?}");
    assert_eq!(partition(&home.path("log"), 0).iter().filter(|line| line.starts_with("odd")).count(), 5);
}

#[test]
fn errors_come_before_any_write() {
    let home = Home::new();
    home.fails("import a --log dir:log", 2, &["a: no such file"]);
    assert!(!home.path("log").exists());
    write(&home.path("a"), &[trade(1, T0, 1), r#"{"type":"bye","source":"x"}"#.to_owned()]);
    home.fails("import a --log dir:log", 2, &["a, line 2", "--from-log"]);
    assert!(!home.path("log").exists());
    write(&home.path("a"), &[trade(1, T0, 1)]);
    home.fails("import . --log dir:log", 2, &["is a directory"]);
    let long = "x".repeat(129);
    home.fails(&format!("import a --log dir:log --source {long}"), 2, &["--source"]);
    home.ok("import a --log dir:log --partitions 3");
    home.fails("import a --log dir:log --partitions 4", 2, &["has 3 partitions"]);
}
