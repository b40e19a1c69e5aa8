//! The commands of the documents, typed as they stand: every `sh` block of a page, in order, in an empty directory. The
//! binary, ports and servers of the test take the place of those in the text. Blocks marked `sh no-test` are not run.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::shared::{broker, node};

/// Lines that start with these are not run: they build or test the project itself.
const SKIPPED: [&str; 3] = ["cargo ", "./scripts/", "scripts/"];
/// Replacements that make a run shorter and change nothing else.
const SHORTER: [(&str, &str); 1] = [("--print 1000000 ", "--print 100000 ")];
/// Ports of the servers that the tests share; their addresses are replaced as a whole.
const SERVERS: [&str; 2] = ["9042", "9092"];
/// Limit for a page, in seconds.
const LIMIT_S: &str = "600";

/// Fails where a command fails, names it, checks background commands, and leaves none behind.
const PROLOGUE: &str = r#"set -euo pipefail
trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT
trap 'echo "failed: $BASH_COMMAND" >&2' ERR
started=()
check_started() { for pid in "${started[@]}"; do kill -0 "$pid" 2>/dev/null || wait "$pid"; done; }
forget_stopped() {
    local alive=()
    for pid in "${started[@]}"; do kill -0 "$pid" 2>/dev/null && alive+=("$pid"); done
    started=("${alive[@]}")
}
"#;

/// Servers and ports of a run, for those in the text.
#[derive(Default)]
struct Places {
    ports: BTreeMap<String, u16>,
    keyspaces: BTreeMap<String, String>,
}

/// The runnable blocks of a page, without skipped lines.
fn commands(page: &str) -> String {
    let mut commands = String::new();
    let mut is_inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            is_inside = line == "```sh";
        } else if is_inside && !SKIPPED.iter().any(|head| line.starts_with(head)) {
            commands += line;
            commands.push('\n');
        }
    }
    commands
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The text with `to(name)` for `head` and the name after it; a name ends at the first character that no name has.
fn replace_names(text: &str, head: &str, mut to: impl FnMut(&str) -> String) -> String {
    let mut pieces = text.split(head);
    let mut replaced = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|c: char| !(c.is_ascii_alphanumeric() || "_.".contains(c))).unwrap_or(piece.len());
        replaced += &to(&piece[..end]);
        replaced += &piece[end..];
    }
    replaced
}

impl Places {
    /// The commands with this run's servers, ports and binary.
    fn replace(&mut self, commands: &str) -> String {
        let mut text = commands.replace("target/release/tickline", env!("CARGO_BIN_EXE_tickline"));
        for (long, short) in SHORTER {
            text = text.replace(long, short);
        }
        for head in ["//127.0.0.1:", " 127.0.0.1:", " 0.0.0.0:", "--port "] {
            text = replace_names(&text, head, |port| self.port(head, port));
        }
        if text.contains("kafka://") {
            let address = &broker::shared().address;
            text =
                replace_names(&text, "kafka://127.0.0.1:9092/", |topic| format!("kafka://{address}/documents-{topic}"));
        }
        if text.contains("cassandra://") {
            let address = &node::shared().address;
            let keyspaces = &mut self.keyspaces;
            text = replace_names(&text, "cassandra://127.0.0.1:9042/", |name| {
                let keyspace = keyspaces.entry(name.to_owned()).or_insert_with(node::keyspace);
                format!("cassandra://{address}/{keyspace}")
            });
        }
        text
    }

    /// The address with a free port, the same one for equal ports of the text.
    fn port(&mut self, head: &str, port: &str) -> String {
        if SERVERS.contains(&port) {
            return format!("{head}{port}");
        }
        let port = *self.ports.entry(port.to_owned()).or_insert_with(free_port);
        format!("{head}{port}")
    }
}

/// Runs a page's commands; fails if one of them does, in the background too.
fn run(page: &str, commands: &str, dir: &Path) {
    let lines = commands.lines().map(|line| match line {
        _ if line.ends_with(" &") => format!("{line}\nstarted+=($!)\n"),
        _ if line.starts_with("kill ") => format!("check_started\n{line}\nforget_stopped\n"),
        _ => format!("{line}\n"),
    });
    let script = format!("{PROLOGUE}{}check_started\n", lines.collect::<String>());
    // A file, not a pipe: a background process must not be able to keep it open.
    let path = dir.join("output");
    let output = File::create(&path).unwrap();
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", LIMIT_S, "bash", "-c", &script]).current_dir(dir).stdin(Stdio::null());
    command.stdout(output.try_clone().unwrap()).stderr(output);
    for (name, _) in std::env::vars_os() {
        if ["TICKLINE_", "FINNHUB_"].iter().any(|head| name.to_string_lossy().starts_with(head)) {
            command.env_remove(name);
        }
    }
    let status = command.status().expect("timeout and bash can be started");
    let output = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    let tail: String = output.chars().skip(output.chars().count().saturating_sub(4_000)).collect();
    assert!(status.success(), "{page}: {status}\n{tail}");
}

#[test]
fn documented_commands_work_as_typed() {
    let home = tempfile::tempdir().unwrap();
    let mut places = Places::default();
    for page in ["README.md", "docs/operating.md", "docs/replay.md"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
        let commands = commands(&std::fs::read_to_string(path).unwrap());
        let count = commands.matches("target/release/tickline ").count();
        assert!(count > 5, "{page} shows only {count} commands");
        run(page, &places.replace(&commands), home.path());
    }
}

#[test]
fn only_runnable_blocks_are_read() {
    let page = "```sh no-test\nno\n```\ntext\n```sh\ncargo build\na \\\n    b\n```\n```toml\nno = 1\n```\n";
    assert_eq!(commands(page), "a \\\n    b\n");
}

#[test]
fn ports_are_replaced_consistently() {
    let mut places = Places::default();
    let text = places.replace("--listen 127.0.0.1:8765 &\n--url ws://127.0.0.1:8765 --port 8082 --listen 0.0.0.0:8082");
    let ports: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).filter(|word| word.len() > 3).collect();
    assert!(ports[0] == ports[1] && ports[2] == ports[3] && ports[0] != ports[2], "{text}");
    assert!(!text.contains("8765") && !text.contains("8082"), "{text}");
}

#[test]
fn failing_background_commands_are_found() {
    let dir = tempfile::tempdir().unwrap();
    run("good", "sleep 60 &\ntrue && sleep 0.1\nkill $(jobs -p) && wait\n", dir.path());
    for bad in ["false", "false &\nsleep 0.5", "false | true"] {
        let failed = std::panic::catch_unwind(|| run("bad", bad, dir.path()));
        assert!(failed.is_err(), "{bad}");
    }
}
