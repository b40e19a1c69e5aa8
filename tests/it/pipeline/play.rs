//! `tickline play`: the wall clock decides when rows appear, and never what they are.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::metrics::prometheus::get;
use crate::shared::process::{DEADLINE, Home, Running, wait_for};

/// What a request to `/api/play` gives.
fn api(address: &str, action: Option<&Value>, headers: &[(&str, &str)]) -> (u16, Value) {
    let body = action.map(ToString::to_string).unwrap_or_default();
    let verb = if action.is_some() { "POST" } else { "GET" };
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let text = format!(
        "{verb} /api/play HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         {headers}\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

fn view(address: &str) -> Value {
    api(address, None, &[]).1["play"].clone()
}

fn act(address: &str, action: &Value) -> Value {
    let (status, answer) = api(address, Some(action), &[]);
    assert_eq!(status, 200, "{answer}");
    answer["play"].clone()
}

/// The last line that a finished play prints.
fn ending(play: &mut Running) -> String {
    wait_for("the end", || {
        assert!(play.is_alive(), "{}", play.stderr());
        play.stdout().lines().find(|line| line.starts_with("played to the end")).map(str::to_owned)
    })
}

/// The same line for the last frontier of a replay.
fn replayed(home: &Home, options: &str) -> String {
    let text = home.ok(&format!("replay --log dir:log {options}"));
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let word = |name: &str| last[name].as_str().unwrap().to_owned();
    format!("played to the end: complete up to {}, digest {}", word("frontier"), word("digest"))
}

fn home() -> Home {
    let home = Home::new();
    home.simulate("trades.jsonl", 60_000, "2024-01-02T14:30:00Z");
    home.ok("import trades.jsonl --log dir:log --partitions 3");
    home
}

const MINUTE: u64 = 60_000;
/// 2024-01-02 14:30 UTC.
const T0: u64 = 1_704_205_800_000;

#[test]
fn pauses_steps_and_speeds_do_not_change_the_digest() {
    let home = home();
    let until = "--until 2024-01-02T14:32:30Z";
    let wanted = replayed(&home, until);
    for workers in [1, 3] {
        let line =
            format!("play --log dir:log --from 2024-01-02T14:31:00Z {until} --speed 20 --port 0 --workers {workers}");
        let mut play = home.start(&line);
        let address = play.address_after(" at http://");
        wait_for("the start", || {
            assert!(play.is_alive(), "{}", play.stderr());
            (view(&address)["has_started"] == true).then_some(())
        });
        let paused = act(&address, &json!({"action": "pause"}));
        let at = paused["time_ms"].as_u64().unwrap();
        assert!(at >= T0 + MINUTE && paused["is_paused"] == true, "{paused}");
        let frontier =
            || serde_json::from_str::<Value>(&get(&address, "/api/frontier")).unwrap()["frontier_ms"].as_u64();
        // It has caught up with the clock, and stands.
        let stands = wait_for("a frontier at the pause", || frontier().filter(|ms| *ms + 2_000 > at));
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!((frontier(), view(&address)["time_ms"].as_u64()), (Some(stands), Some(at)));
        assert!(stands <= at, "nothing after the clock: {stands} {at}");
        // One step, one advance.
        let stepped = act(&address, &json!({"action": "step"}));
        let step = stepped["time_ms"].as_u64().unwrap();
        assert!(step > at && step <= at + 1_000 && stepped["is_paused"] == true, "{stepped}");
        wait_for("an advance", || (frontier() > Some(stands)).then_some(()));
        assert!(frontier().unwrap() <= step);
        for (speed, wait_ms) in [(50.0, 200), (5.0, 100), (100.0, 200)] {
            assert_eq!(act(&address, &json!({"action": "speed", "speed": speed}))["speed"], speed);
            act(&address, &json!({"action": "resume"}));
            std::thread::sleep(Duration::from_millis(wait_ms));
            act(&address, &json!({"action": "pause"}));
        }
        let time = view(&address)["time_ms"].as_u64().unwrap();
        assert!((T0 + MINUTE..T0 + 3 * MINUTE).contains(&time), "{time}");
        act(&address, &json!({"action": "speed", "speed": 100_000}));
        act(&address, &json!({"action": "resume"}));
        assert_eq!(ending(&mut play), wanted, "{workers} workers");
        assert_eq!(view(&address)["has_ended"], true);
        play.terminate();
        play.end("the play").is(0, &[]);
    }
}

#[test]
fn a_play_begins_at_a_checkpoint_and_leaves_nothing_behind() {
    let home = home();
    home.ok("work --log dir:log --store sqlite:rows.db --until-end");
    home.simulate("later.jsonl", 30_000, "2024-01-02T14:40:00Z");
    home.ok("import later.jsonl --log dir:log --source later");
    let wanted = replayed(&home, "");
    let kept: Value = serde_json::from_str(&home.ok("checkpoint list --store sqlite:rows.db --format json")).unwrap();
    let at = kept.as_array().unwrap()[0]["frontier"].as_str().unwrap().to_owned();
    let before = std::fs::read(home.path("rows.db")).unwrap();
    std::fs::create_dir(home.path("tmp")).unwrap();
    let tmp = home.path("tmp").display().to_string();
    let play = format!("play --log dir:log --checkpoints-of sqlite:rows.db --from {at} --speed 100000 --port 0");
    let mut play = home.start_with(&play, &[("TMPDIR", &tmp)]);
    assert_eq!(ending(&mut play), wanted);
    assert!(play.stderr().contains(&format!("beginning at the checkpoint of {at}")), "{}", play.stderr());
    assert_eq!(std::fs::read_dir(home.path("tmp")).unwrap().count(), 1);
    play.terminate();
    play.end("the play").is(0, &[]);
    assert_eq!(std::fs::read_dir(home.path("tmp")).unwrap().count(), 0, "the scratch store is gone");
    assert_eq!(std::fs::read(home.path("rows.db")).unwrap(), before, "the store is only read");
    let early = "play --log dir:log --checkpoints-of sqlite:rows.db --from 2024-01-02T14:00:00Z --port 0";
    home.fails(early, 2, &["has no checkpoint at or before"]);
    home.fails("play --log dir:log --from 2024-01-02 --until 2024-01-01", 2, &["--until is before --from"]);
    home.fails("play --log dir:log --from 2024-01-02 --speed 0", 2, &["expected a number from 0.01"]);
    // A signal ends one that is under way at once.
    let mut play = home.start("play --log dir:log --from 2024-01-02T14:31:00Z --speed 0.01 --port 0");
    let address = play.address_after(" at http://");
    wait_for("the start", || (view(&address)["has_started"] == true).then_some(()));
    play.terminate();
    play.end("the play").is(0, &[]);
}

#[test]
fn only_its_own_page_and_programs_with_the_token_may_act() {
    let home = home();
    let line = "play --log dir:log --from 2024-01-02T14:31:00Z --speed 0.01 --port 0";
    let mut play = home.start_with(line, &[("TICKLINE_DASHBOARD_TOKEN", "sesame-open-the-door")]);
    let address = play.address_after(" at http://");
    let pause = json!({"action": "pause"});
    let token = ("Authorization", "Bearer sesame-open-the-door");
    assert_eq!(api(&address, Some(&pause), &[]).0, 401);
    assert_eq!(api(&address, Some(&pause), &[token]).0, 200);
    let own = format!("http://{address}");
    assert_eq!(api(&address, Some(&pause), &[token, ("Origin", &own)]).0, 200);
    assert_eq!(api(&address, Some(&pause), &[token, ("Origin", "https://example.org")]).0, 403);
    for wrong in
        [json!({"action": "stop"}), json!({"action": "speed", "speed": -1}), json!({"action": "speed"}), json!(1)]
    {
        let (status, answer) = api(&address, Some(&wrong), &[token]);
        assert!(status == 400 && !answer["hint"].as_str().unwrap().is_empty(), "{wrong}: {answer}");
    }
    // A page of a store has no clock.
    home.ok("work --log dir:log --store sqlite:rows.db --until-end");
    let mut dashboard = home.start("dashboard --store sqlite:rows.db --listen 127.0.0.1:0");
    let address = dashboard.address_after(" at http://");
    assert_eq!(api(&address, None, &[]), (200, json!({"play": null})));
    assert_eq!(api(&address, Some(&pause), &[]).0, 404);
}
