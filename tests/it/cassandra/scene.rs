//! The log of all tests, and the results of undisturbed runs into SQLite and into a keyspace. Created once, next to the
//! data of the shared node, so that both are removed together.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use crate::cassandra::raw::Raw;
use crate::shared::node::{keyspace, shared};
use crate::shared::process::Home;

/// Almost seven minutes around midnight, at about 300 trades a second.
const TRADES: u64 = 120_000;
const SYMBOLS: usize = 24;
pub const PARTITIONS: usize = 3;
/// Short, so that a late trade can be too late.
pub const SETTINGS: &str = "--allowed-lateness 3s";

const GAP: &str = r#"{"type":"gap","source":"a","from_ms":1704239700000,"to_ms":1704239760000,"cause":"closed"}"#;

/// The log and the undisturbed runs.
pub struct Scene {
    /// The whole log.
    pub whole: PathBuf,
    /// The undisturbed run in SQLite.
    pub sqlite: PathBuf,
    /// The undisturbed run in the shared node.
    pub keyspace: String,
}

/// The log of all tests.
pub fn scene() -> &'static Scene {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    SCENE.get_or_init(make)
}

fn make() -> Scene {
    let home = Home::new();
    let tidy = home.ok(&format!("simulate --print {TRADES} --instruments {SYMBOLS} --start 2024-01-02T23:56:20Z"));
    let mut lines: Vec<&str> = tidy.lines().collect();
    let step = lines.len() / 40;
    (1..40).for_each(|at| lines.insert(at * step, r#"{"p":1,"s":"no time","v":1}"#));
    home.write("trades.jsonl", lines.join("\n") + "\n");
    home.ok(&format!("import trades.jsonl --as-live --log dir:whole --partitions {PARTITIONS}"));
    // A gap as a source reports it, in each partition.
    for partition in 0..PARTITIONS {
        let file = home.path(&format!("whole/partition-{partition:05}.jsonl"));
        std::fs::write(&file, format!("{GAP}\n{}", std::fs::read_to_string(&file).unwrap())).unwrap();
    }
    home.ok(&format!("work --log dir:whole --store sqlite:wanted.db --until-end {SETTINGS}"));
    let keyspace = new_keyspace(&shared().address);
    let store = shared().store_address(&keyspace);
    home.ok(&format!("work --log dir:whole --store {store} --until-end --workers 2 {SETTINGS}"));
    let dir = shared().server.dir.join("scene");
    copy(&home.path("whole"), &dir.join("whole"));
    std::fs::copy(home.path("wanted.db"), dir.join("wanted.db")).unwrap();
    Scene { whole: dir.join("whole"), sqlite: dir.join("wanted.db"), keyspace }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

impl Scene {
    /// The `--log` address of the whole log.
    pub fn log(&self) -> String {
        format!("dir:{}", self.whole.display())
    }

    /// Writes the log into the home as parts, `part-0` and so on: appended in order to any log, they give the same
    /// records at the same offsets.
    pub fn cut_up(&self, home: &Home, parts: usize) {
        for file in std::fs::read_dir(&self.whole).unwrap().map(|file| file.unwrap().path()) {
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            if !name.ends_with(".jsonl") {
                continue;
            }
            let text = std::fs::read_to_string(&file).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            for part in 0..parts {
                let lines = &lines[part * lines.len() / parts..(part + 1) * lines.len() / parts];
                std::fs::create_dir_all(home.path(&format!("part-{part}"))).unwrap();
                home.write(
                    &format!("part-{part}/{name}"),
                    lines.iter().map(|line| format!("{line}\n")).collect::<String>(),
                );
            }
        }
    }
}

/// A keyspace with its tables, on any node.
pub fn new_keyspace(address: &str) -> String {
    let keyspace = keyspace();
    Home::new().ok(&format!("setup --store cassandra://{address}/{keyspace} --replication 1"));
    keyspace
}

/// A connection to the shared node.
pub fn beside() -> Raw {
    Raw::connect(&shared().address, Duration::from_secs(30))
}
