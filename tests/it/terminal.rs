//! Terminal output: `tickline top` in a real pseudo-terminal, charts, completions and manual pages.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

mod wrong;

use crate::shared::process::Home;

/// Result of a program in a terminal.
struct Ended {
    code: i64,
    written: String,
    restored: bool,
}

/// Runs `tickline` in a terminal of this size; see `pty.py`.
fn in_terminal(home: &Home, size: (u16, u16), steps: &Value, line: &str, no_color: bool) -> Ended {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/terminal/pty.py");
    let mut command = Command::new("python3");
    command.arg(script).args([size.0.to_string(), size.1.to_string(), steps.to_string()]);
    command.arg(env!("CARGO_BIN_EXE_tickline")).args(line.split_whitespace());
    command.current_dir(home.path(".")).env_remove("NO_COLOR").env("TERM", "xterm-256color").stdin(Stdio::null());
    if no_color {
        command.env("NO_COLOR", "1");
    }
    let output = command.output().expect("python3 cannot be started");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    Ended {
        code: result["code"].as_i64().unwrap(),
        written: result["written"].as_str().unwrap().to_owned(),
        restored: result["restored"].as_bool().unwrap(),
    }
}

/// A store of simulated trades.
fn store() -> Home {
    let home = Home::new();
    let trades = home.ok("simulate --print 20000 --instruments 3 --start 2024-01-02T14:30:00Z");
    home.write("trades.jsonl", trades);
    home.ok("import trades.jsonl --log dir:log");
    home.ok("work --log dir:log --store sqlite:store.db --until-end");
    home
}

/// Checks that settings, screen and cursor of the terminal are restored.
fn is_restored(ended: &Ended) {
    assert!(ended.restored, "the settings of the terminal have changed");
    let (enter, leave) = ("\u{1b}[?1049h", "\u{1b}[?1049l");
    let (entered, left) = (ended.written.rfind(enter).unwrap(), ended.written.rfind(leave).unwrap());
    assert!(entered < left && ended.written[left..].contains("\u{1b}[?25h"), "{:?}", &ended.written[left..]);
}

#[test]
fn top_draws_and_handles_keys() {
    let home = store();
    let steps = json!([
        ["see", "complete up to "],
        ["see", "rejected 0"],
        ["see", "AAPL"],
        ["see", "AAPL  1m  O "],
        ["send", "/btc\r"],
        ["see", "BINANCE:BTCUSDT  1m  O "],
        ["send", "5"],
        ["see", "BINANCE:BTCUSDT  1d  O "],
        ["see", "2024-01-02T00:00:00Z .. 2024-01-02T00:00:00Z"],
        ["send", "?"],
        ["see", "can change only by"],
        ["resize", 60, 10],
        ["send", "?"],
        ["see", "change   trades"],
        ["send", "q"],
    ]);
    let ended = in_terminal(&home, (120, 30), &steps, "top --store sqlite:store.db", false);
    assert_eq!(ended.code, 0, "{}", ended.written);
    is_restored(&ended);
    assert!(ended.written.contains("38;5;2;") && ended.written.contains("38;5;1;"), "red or green is missing");
}

#[test]
fn signals_restore_the_terminal() {
    let home = store();
    for signal in [15, 2, 1] {
        let steps = json!([["see", "complete up to "], ["signal", signal]]);
        let ended = in_terminal(&home, (100, 24), &steps, "top --store sqlite:store.db --symbol OANDA:EUR_USD", true);
        assert_eq!(ended.code, 0, "{}", ended.written);
        is_restored(&ended);
        assert!(!ended.written.contains("38;5;"), "NO_COLOR is set");
    }
}

#[test]
fn top_follows_the_frontier_and_reports_damage() {
    let home = store();
    // A later minute, computed while top is running.
    home.simulate("more.jsonl", 1_000, "2024-01-02T16:45:00Z");
    let script = format!(
        "sleep 1; {tickline} import more.jsonl --log dir:log && {tickline} work --log dir:log --store sqlite:store.db \
         --until-end",
        tickline = env!("CARGO_BIN_EXE_tickline")
    );
    let worker = home.start_as("sh".as_ref(), &["-c", &script]);
    let steps = json!([
        ["see", "complete up to 2024-01-02T14:"],
        ["see", "complete up to 2024-01-02T16:45:"],
        ["send", "\u{3}"]
    ]);
    let ended = in_terminal(&home, (120, 30), &steps, "top --store sqlite:store.db", false);
    assert_eq!(ended.code, 0, "{}", ended.written);
    is_restored(&ended);
    worker.end("the worker").is(0, &[]);

    std::fs::write(home.path("broken.db"), b"this is not a database, but long enough to be read as one").unwrap();
    let ended = in_terminal(&home, (80, 24), &json!([]), "top --store sqlite:broken.db", false);
    assert_eq!(ended.code, 3, "{}", ended.written);
    assert!(ended.restored && ended.written.contains("damaged"), "{}", ended.written);
}

#[test]
fn charts_adapt_to_the_terminal() {
    let home = store();
    let line = "candles --store sqlite:store.db --symbol AAPL --resolution 5s --format chart";
    let widest = |text: &str| text.lines().map(|line| line.trim_end().chars().count()).max().unwrap();
    let plain = home.ok(line);
    assert!(!plain.contains('\u{1b}') && widest(&plain) <= 80, "{plain}");
    let quiet = in_terminal(&home, (130, 30), &json!([]), line, true);
    assert!(!quiet.written.contains('\u{1b}') && (100..=130).contains(&widest(&quiet.written)), "{}", quiet.written);
    let coloured = in_terminal(&home, (130, 30), &json!([]), line, false);
    assert!(coloured.written.contains("\u{1b}[") && !coloured.written.contains('░'), "{}", coloured.written);
}

/// The commands that the help lists.
fn commands(home: &Home) -> Vec<String> {
    let help = home.ok("--help");
    let listed = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    listed.lines().filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

#[test]
fn completions_and_manuals_have_every_command() {
    let home = Home::new();
    let commands = commands(&home);
    assert!(commands.len() > 10, "{commands:?}");
    for shell in ["bash", "zsh", "fish"] {
        let text = home.ok(&format!("completions {shell}"));
        let missing: Vec<_> = commands.iter().filter(|command| !text.contains(command.as_str())).collect();
        assert!(missing.is_empty() && text.contains("until-end"), "{shell} lacks {missing:?}");
        home.write(shell, text);
    }
    let bash = Command::new("bash").arg("-n").arg(home.path("bash")).output().unwrap();
    assert!(bash.status.success(), "{}", String::from_utf8_lossy(&bash.stderr));
    // A real shell completes the beginning of a command.
    let ask =
        "source ./bash; COMP_WORDS=(tickline rep); COMP_CWORD=1; _tickline tickline rep tickline; echo $COMPREPLY";
    let completed = Command::new("bash").args(["-c", ask]).current_dir(home.path(".")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&completed.stdout), "replay\n", "{completed:?}");

    home.ok("man pages");
    for command in commands.iter().filter(|command| *command != "help") {
        let page = std::fs::read_to_string(home.path(&format!("pages/tickline-{command}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS") && page.contains(&format!("tickline\\-{command}")), "{page}");
    }
    assert!(std::fs::read_to_string(home.path("pages/tickline.1")).unwrap().contains(".TH"));
    home.write("file", "");
    home.fails("man file/pages", 1, &["file/pages", "not a directory"]);
    home.fails("completions tcsh", 2, &["bash"]);
}
