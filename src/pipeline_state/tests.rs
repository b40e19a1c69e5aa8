//! Every state, by the facts that make it.

use std::collections::BTreeMap;

use dataflows::settings::ProgressMode;

use super::*;
use crate::store::Life;

const NOW: u64 = 1_764_352_800_000;
const AGES: u64 = 365 * 86_400_000;

fn source(progress_ms: u64, last_record_ms: u64, moved_ms: u64) -> SourceLife {
    SourceLife { progress_ms, last_record_ms, moved_ms }
}

fn partition(partition: u32, frontier_ms: u64, sources: &[(&str, SourceLife)]) -> PartitionLife {
    let sources = sources.iter().map(|(name, life)| ((*name).to_owned(), *life)).collect::<BTreeMap<_, _>>();
    PartitionLife {
        partition,
        unread: Some(0),
        waiting: 0,
        frontier_ms: Some(frontier_ms).filter(|ms| *ms > 0),
        sources,
    }
}

fn beat(partitions: Vec<PartitionLife>) -> Heartbeat {
    let life = Life { ended: None, progress: ProgressMode::Records, partitions };
    Heartbeat { epoch: 1, written_ms: NOW - 2_000, life }
}

fn judge_at(frontier_ms: u64, heartbeat: &Heartbeat, now_ms: u64) -> PipelineState {
    let frontier_ms = Some(frontier_ms).filter(|ms| *ms > 0);
    PipelineState::judge(&Facts { frontier_ms, heartbeat: Some(heartbeat), now_ms })
}

fn judge(frontier_ms: u64, heartbeat: &Heartbeat) -> PipelineState {
    judge_at(frontier_ms, heartbeat, NOW)
}

/// A source that is as it should be.
fn well() -> SourceLife {
    source(NOW - 2_000, NOW - 500, NOW - 500)
}

#[test]
fn live_follows_the_clock() {
    let heartbeat = beat(vec![partition(0, NOW - 2_000, &[("a", well())])]);
    let state = judge(NOW - 3_000, &heartbeat);
    assert_eq!((state.state, state.mood, state.line(NOW).as_str()), (State::Live, Mood::Good, "Live"));
    // A source with a clock that is ahead holds nothing back, and is named.
    let ahead = source(NOW + 3_600_000, NOW, NOW);
    let state = judge(NOW - 3_000, &beat(vec![partition(0, NOW - 2_000, &[("a", well()), ("b", ahead)])]));
    assert_eq!((state.state, state.text.as_str()), (State::Live, "source b is 1 h 0 min ahead of the clock"));
    let state = judge(NOW + 3_600_000, &beat(vec![partition(0, NOW + 3_600_000, &[("b", ahead)])]));
    assert_eq!(state.state, State::Ahead);
}

#[test]
fn a_dead_feed_and_a_silent_source_stay_so_for_ever() {
    let up_to = NOW - 60_000;
    for years in [0, 1, 20] {
        let now_ms = NOW + years * AGES;
        let life = |last_record_ms| source(up_to, last_record_ms, NOW - 58_000);
        let of = |life| {
            let mut heartbeat = beat(vec![partition(3, up_to, &[("a", life)])]);
            heartbeat.written_ms = now_ms - 1_000;
            judge_at(up_to, &heartbeat, now_ms)
        };
        let dead = of(life(now_ms - 900));
        assert_eq!((dead.state, dead.mood, dead.since_ms), (State::FeedDead, Mood::Bad, Some(NOW - 58_000)));
        assert_eq!((dead.source.as_deref(), dead.partitions.as_slice()), (Some("a"), &[3][..]));
        let silent = of(life(NOW - 57_000));
        assert_eq!((silent.state, silent.since_ms), (State::SourceSilent, Some(NOW - 57_000)));
        assert!(silent.text.contains("source a writes nothing"), "{}", silent.text);
    }
}

#[test]
fn the_source_that_holds_back_is_named_with_its_partitions() {
    let slow = source(NOW - 300_000, NOW - 100, NOW - 100);
    let partitions = vec![
        partition(0, NOW - 2_000, &[("a", well())]),
        partition(1, NOW - 300_000, &[("a", well()), ("b", slow)]),
        partition(2, NOW - 300_000, &[("b", slow)]),
    ];
    let state = judge(NOW - 300_000, &beat(partitions.clone()));
    assert_eq!(
        (state.state, state.source.as_deref(), state.partitions.as_slice()),
        (State::Behind, Some("b"), &[1, 2][..])
    );
    assert_eq!(state.text, "source b holds the frontier back: it is 5 min 0 s behind the clock");
    // A partition that its sources have left while others go on.
    let left = judge(NOW - 300_000, &beat(vec![partitions[0].clone(), partition(7, NOW - 300_000, &[])]));
    assert_eq!((left.state, left.partitions.as_slice()), (State::Behind, &[7][..]));
    assert!(left.text.contains("no source is live in partition 7"), "{}", left.text);
}

#[test]
fn unread_records_are_no_outage() {
    // A reader that catches up has read no new record of any source.
    let old = source(NOW - 9_000_000, NOW - 9_000_000, NOW - 9_000_000);
    let mut late = partition(0, NOW - 9_000_000, &[("a", old)]);
    for unread in [Some(12), None] {
        late.unread = unread;
        let state = judge(NOW - 9_000_000, &beat(vec![late.clone()]));
        let text = unread.map_or("records of the log are not read yet", |_| "12 records of the log are not read yet");
        assert_eq!((state.state, state.text.as_str()), (State::CatchingUp, text));
    }
    // Everything is read, and the store is slow.
    let state = judge(NOW - 100_000, &beat(vec![partition(0, NOW - 2_000, &[("a", well())])]));
    assert_eq!(state.state, State::CatchingUp);
}

#[test]
fn a_worker_without_a_heartbeat_is_down() {
    let mut heartbeat = beat(vec![partition(0, NOW - 2_000, &[("a", well())])]);
    let just_in_time = judge_at(NOW - 2_000, &heartbeat, heartbeat.written_ms + HEARTBEAT_MAX_MS);
    assert_ne!(just_in_time.state, State::WorkerDown);
    for later_ms in [HEARTBEAT_MAX_MS + 1, AGES] {
        let state = judge_at(NOW - 2_000, &heartbeat, heartbeat.written_ms + later_ms);
        assert_eq!((state.state, state.since_ms), (State::WorkerDown, Some(heartbeat.written_ms)));
    }
    heartbeat.life.ended = Some(Ended::Stopped);
    assert_eq!(
        judge(NOW - 2_000, &heartbeat).line(NOW),
        "Worker down: it was stopped, since 2025-11-28T17:59:58Z (2 s ago)"
    );
    let nobody = |frontier_ms| PipelineState::judge(&Facts { frontier_ms, heartbeat: None, now_ms: NOW }).state;
    assert_eq!((nobody(None), nobody(Some(5))), (State::NothingYet, State::WorkerDown));
    // A clock of the worker that is ahead of ours is not an outage.
    heartbeat.life.ended = None;
    assert_eq!(judge_at(NOW - 2_000, &heartbeat, heartbeat.written_ms - 5_000).state, State::Live);
}

#[test]
fn only_the_departure_of_all_sources_is_rest() {
    let end = 1_381_176_000_000;
    let mut heartbeat = beat(vec![partition(0, end, &[]), partition(1, end + 1_000, &[])]);
    let state = judge(end, &heartbeat);
    assert_eq!((state.state, state.mood), (State::AtRest, Mood::Calm));
    assert_eq!(state.line(NOW), "At rest: complete up to 2013-10-07T20:00:00Z, all sources have left");
    // Nobody needs a worker for it.
    let later = judge_at(end, &heartbeat, NOW + AGES);
    assert_eq!(later.state, State::AtRest);
    assert!(later.text.ends_with("; no worker is running"), "{}", later.text);
    // One that is left in one partition, records that are not read, rows that are not durable.
    heartbeat.life.partitions[1].unread = Some(3);
    assert_eq!(judge(end, &heartbeat).state, State::Behind);
    heartbeat.life.partitions[0].unread = None;
    assert_eq!(judge(end, &heartbeat).state, State::CatchingUp);
    heartbeat.life.partitions = vec![partition(0, end, &[]), partition(1, end, &[("a", source(end, end, end))])];
    assert_eq!(judge_at(end, &heartbeat, NOW + AGES).state, State::WorkerDown);
    assert_eq!(judge(end, &heartbeat).state, State::SourceSilent);
    heartbeat.life.partitions = vec![partition(0, end, &[])];
    assert_eq!(judge(end - 1_000, &heartbeat).state, State::Behind);
}

#[test]
fn nothing_complete_is_said_without_a_time() {
    let state = judge(0, &beat(vec![partition(0, NOW, &[("a", well())]), partition(1, 0, &[]), partition(2, 0, &[])]));
    assert_eq!(
        (state.state, state.text.as_str()),
        (State::NothingYet, "no source has reported progress in partitions 1, 2")
    );
    assert_eq!(judge(0, &beat(vec![partition(0, NOW, &[])])).text, "the first rows are being written");
    let many: Vec<_> = (0..12).map(|at| partition(at, 0, &[])).collect();
    assert!(judge(0, &beat(many)).text.ends_with("12 partitions"));
}

#[test]
fn without_progress_records_nobody_knows() {
    let mut heartbeat = beat(vec![partition(0, NOW - 2_000, &[])]);
    heartbeat.life.progress = ProgressMode::BoundedOutOfOrderness { max_out_of_orderness_ms: 5_000 };
    assert_eq!(judge(NOW - 2_000, &heartbeat).state, State::Live);
    heartbeat.life.partitions = vec![partition(0, NOW - 3_600_000, &[])];
    assert_eq!(judge(NOW - 3_600_000, &heartbeat).state, State::Quiet);
    // A run until the end of the log knows that nothing more comes.
    heartbeat.life.ended = Some(Ended::ReadToEnd);
    heartbeat.life.partitions[0].unread = None;
    assert_eq!(judge(NOW - 3_600_000, &heartbeat).state, State::AtRest);
}

#[test]
fn a_paced_log_is_quiet_once_all_of_it_is_complete() {
    let hour_ago = NOW - 3_600_000;
    let mut heartbeat = beat(vec![partition(0, hour_ago, &[]), partition(1, hour_ago, &[])]);
    heartbeat.life.progress = ProgressMode::ProgressLog;
    let state = judge(hour_ago, &heartbeat);
    assert_eq!((state.state, state.mood), (State::Quiet, Mood::Busy), "a dead producer looks the same");
    heartbeat.life.partitions[1].waiting = 3;
    let state = judge(hour_ago, &heartbeat);
    assert_eq!(
        state.line(NOW),
        "Behind: 3 records wait for the progress log: a trade far ahead waits for the next ones, or `tickline pace` \
         does not run, or is behind"
    );
    heartbeat.life.partitions[1].unread = Some(7);
    let state = judge(hour_ago, &heartbeat);
    assert_eq!(state.state, State::CatchingUp);
    assert!(state.text.starts_with("7 records of the log are not read yet: "), "{}", state.text);
    heartbeat.life.partitions[1].frontier_ms = None;
    assert_eq!(judge(0, &heartbeat).text, "the progress log has no bindings of partition 1");
}

#[test]
fn a_store_that_cannot_be_read_says_why() {
    let state = PipelineState::store_down("no answer", NOW - 90_000);
    let expected = "Store down: the store cannot be read: no answer, since 2025-11-28T17:58:30Z (1 min 30 s ago)";
    assert_eq!((state.mood, state.line(NOW).as_str()), (Mood::Bad, expected));
}
