//! Kills and restarts with another number of workers leave no trace, neither in the final rows nor on the way.
//!
//! The trades are in live order, so some are late or rejected, and there are bad records among them. A reader observes
//! the store continuously; everything that it saw as complete must match the final result.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rusqlite::Connection;
use serde_json::Value;

use crate::pipeline::growing::{Background, Growing, below};
use crate::shared::process::{Home, Running, wait_for};
use crate::shared::tables::{self, Progress};

/// Short, so that a late trade can be too late.
const ALLOWED_LATENESS_MS: u64 = 3_000;
const SETTINGS: &str = "--allowed-lateness 3s";
const WORKERS: [u16; 5] = [2, 1, 4, 3, 2];

/// A log in `whole`, and the result of an undisturbed run in `expected.db`.
fn home(trades: u64) -> Home {
    let home = Home::new();
    home.simulate("tidy.jsonl", trades, "2024-01-02T23:56:30Z");
    let tidy = std::fs::read_to_string(home.path("tidy.jsonl")).unwrap();
    let mut lines: Vec<&str> = tidy.lines().collect();
    let step = lines.len() / 40;
    (1..40).for_each(|at| lines.insert(at * step, r#"{"p":1,"s":"no time","v":1}"#));
    home.write("trades.jsonl", lines.join("\n") + "\n");
    home.ok("import trades.jsonl --as-live --log dir:whole");
    home.ok(&format!("work --log dir:whole --store sqlite:expected.db --until-end {SETTINGS}"));
    home
}

/// A consistent observation: a frontier, and a hash of the candles that are final as of it.
struct Observation {
    frontier: u64,
    hash: u64,
}

/// Hash of the final 5 s candles: their windows end so early that a late trade would be beyond the allowed lateness.
fn final_candles(connection: &Connection, frontier: u64) -> u64 {
    let end = frontier.saturating_sub(ALLOWED_LATENESS_MS + 1_000);
    let sql = format!("SELECT * FROM candles_5s WHERE window_start + 5000 <= {end} ORDER BY 1, 2, 3");
    let mut hasher = DefaultHasher::new();
    tables::rows(connection, &sql).hash(&mut hasher);
    hasher.finish()
}

/// Observes the store until stopped.
fn watch(store: &Path, stop: &AtomicBool) -> Vec<Observation> {
    let mut seen: Vec<Observation> = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        if tables::progress(store).frontier.is_some() {
            let mut connection = tables::open(store);
            let view = connection.transaction().unwrap();
            let frontier = view.query_row("SELECT frontier FROM frontier", [], |row| row.get(0)).unwrap();
            seen.push(Observation { frontier, hash: final_candles(&view, frontier) });
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    seen
}

/// Asserts that every observation matches the expected store.
fn check_observations(seen: &[Observation], expected: &Path) {
    assert!(seen.windows(2).all(|two| two[0].frontier <= two[1].frontier), "the frontier went back");
    let expected = tables::open(expected);
    let mut frontiers = 0;
    for (at, one) in seen.iter().enumerate() {
        let is_new = at == 0 || seen[at - 1].frontier != one.frontier;
        if is_new || seen[at - 1].hash != one.hash {
            frontiers += u32::from(is_new);
            assert_eq!(one.hash, final_candles(&expected, one.frontier), "as of {}", one.frontier);
        }
    }
    assert!(frontiers > 3, "the reader saw {frontiers} frontiers");
}

/// The moment of a kill.
#[derive(Clone, Copy, Debug)]
enum When {
    /// The process has opened its epoch.
    Begun,
    /// The durable frontier has moved.
    Moved,
    /// The process has committed a checkpoint.
    Checkpointed,
}

const WHEN: [When; 3] = [When::Checkpointed, When::Moved, When::Begun];

/// The store's state at a kill.
#[derive(Debug)]
struct Killed {
    by_then: Progress,
    /// The checkpoint was made by the killed process.
    after_checkpoint: bool,
}

/// Waits for the moment (or for some time, if the log ends first), then a little longer, and kills.
fn kill(process: Running, store: &Path, before: &Progress, when: When, more: Duration) -> Killed {
    let start = Instant::now();
    wait_for("the moment to kill", || {
        let now = tables::progress(store);
        let come = match when {
            When::Begun => true,
            When::Moved => now.frontier > before.frontier,
            When::Checkpointed => now.checkpoint.is_some_and(|(epoch, _)| epoch == now.epoch),
        };
        (now.epoch > before.epoch && (come || start.elapsed() > Duration::from_secs(8))).then_some(())
    });
    std::thread::sleep(more);
    process.kill();
    let by_then = tables::progress(store);
    let after_checkpoint = by_then.checkpoint.is_some_and(|(epoch, _)| epoch == by_then.epoch);
    Killed { by_then, after_checkpoint }
}

/// Starts a worker that will be killed.
fn start(home: &Home, log: &str, round: usize) -> Running {
    let workers = WORKERS[round % WORKERS.len()];
    let bounds = "--checkpoint-every 1ms --read-ahead 5s";
    home.start(&format!("work --log dir:{log} --store sqlite:rows.db --workers {workers} {bounds} {SETTINGS}"))
}

/// Checks that the kills hit their moments, then finishes the work and compares the results.
fn finish(home: &Home, log: &str, killed: &[Killed], reader: Background<Vec<Observation>>) {
    let (rows, expected) = (home.path("rows.db"), home.path("expected.db"));
    let end = tables::progress(&expected).frontier;
    assert!(killed.iter().any(|k| k.after_checkpoint && k.by_then.frontier < end), "after a checkpoint: {killed:?}");
    assert!(killed.iter().filter(|k| k.by_then.frontier < end).count() >= 3, "during work: {killed:?}");
    home.ok(&format!("work --log dir:{log} --store sqlite:rows.db --workers 3 --until-end {SETTINGS}"));
    // Time for a last observation.
    std::thread::sleep(Duration::from_millis(50));
    check_observations(&reader.stop(), &expected);
    assert_eq!(tables::progress(&rows).epoch, killed.len() as u64 + 1);
    tables::assert_same(&rows, &expected);
    let verified = home.ok(&format!("verify --log dir:{log} --store sqlite:rows.db --workers 2 {SETTINGS}"));
    let line = home.ok(&format!("replay --log dir:whole {SETTINGS} --workers 4"));
    let last: Value = serde_json::from_str(line.lines().last().unwrap()).unwrap();
    assert!(verified.contains(last["digest"].as_str().unwrap()), "{verified} {last}");
}

fn reader(rows: &Path) -> Background<Vec<Observation>> {
    let rows: PathBuf = rows.to_path_buf();
    Background::start(move |stop| watch(&rows, stop))
}

#[test]
fn log_has_late_and_rejected_records() {
    let home = home(60_000);
    let status = home.ok("status --store sqlite:expected.db --format json");
    let status: Value = serde_json::from_str(&status).unwrap();
    let count = |name: &str| status["counters"][name].as_u64().unwrap();
    assert_eq!(count("rejected_missing_field"), 39);
    assert!(count("late") > 0, "{status}");
    assert!(count("rejected_beyond_allowed_lateness") > 0, "{status}");
}

#[test]
fn kills_over_a_whole_log() {
    let home = home(1_200_000);
    let rows = home.path("rows.db");
    let reader = reader(&rows);
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut killed = Vec::new();
    for round in 0..6 {
        let before = tables::progress(&rows);
        let process = start(&home, "whole", round);
        let more = Duration::from_millis(below(&mut rng, 10));
        // The first rounds are short, to leave work for the others.
        let when = [When::Begun, When::Checkpointed, When::Moved, When::Begun][round % 4];
        killed.push(kill(process, &rows, &before, when, more));
    }
    finish(&home, "whole", &killed, reader);
}

#[test]
fn kills_while_the_log_grows() {
    const ROUNDS: usize = 6;
    let home = home(200_000);
    let rows = home.path("rows.db");
    let reader = reader(&rows);
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut growing = Growing::new(&home.path("whole"), &home.path("log"), 3);
    growing.grow(1, 4 * ROUNDS, Duration::ZERO);
    let mut killed = Vec::new();
    for round in 0..ROUNDS {
        let before = tables::progress(&rows);
        let process = start(&home, "log", round);
        // It grows only once the process has read all of it, so that checkpoints are made while it works.
        let (path, epoch) = (rows.clone(), before.epoch);
        let writer = std::thread::spawn(move || {
            wait_for("the process to read", || {
                let now = tables::progress(&path);
                (now.epoch > epoch && now.frontier.is_some()).then_some(())
            });
            std::thread::sleep(Duration::from_millis(100));
            growing.grow(round + 1, ROUNDS + 1, Duration::from_millis(15));
            growing
        });
        let more = Duration::from_millis(below(&mut rng, 60));
        killed.push(kill(process, &rows, &before, WHEN[round % WHEN.len()], more));
        growing = writer.join().unwrap();
    }
    let before = tables::progress(&rows);
    let process = start(&home, "log", ROUNDS);
    growing.grow(1, 1, Duration::from_millis(5));
    killed.push(kill(process, &rows, &before, When::Begun, Duration::ZERO));
    finish(&home, "log", &killed, reader);
}
