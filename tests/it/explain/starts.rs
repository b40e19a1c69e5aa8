//! Where the scan begins: at a checkpoint that is kept, with the same answer; and what happens when the log's beginning
//! is gone.

use dataflows::progress::time::Resolution;
use dataflows::symbols::symbol::Symbol;
use tickline::exit_code::ExitCode as _;
use tickline::explain::{ExplainError, Explanation, SEARCHED_MS, Sources, Window, explain};
use tickline::log::dir::DirLog;
use tickline::log::{Log, LogError, PartitionReader};
use tickline::store::sqlite::SqliteReader;

use super::oracle::{Made, check_all, windows};
use super::world::{MAX_AHEAD_MS, World};
use crate::shared::tables;

/// Parts in which the log grows, each of which leaves a checkpoint.
const PARTS: usize = 8;

/// A log over some hours, with checkpoints.
fn hours(seed: u64) -> (World, Made) {
    let (world, made) = (World::new(seed, 2, (PARTS, 200), 60_000), Made::new());
    (0..PARTS).for_each(|part| made.work(&world, part));
    (world, made)
}

/// A copy of the store without its checkpoints.
fn without_checkpoints(made: &Made) -> std::path::PathBuf {
    let copy = made.store().with_file_name("whole.db");
    std::fs::copy(made.store(), &copy).unwrap();
    assert_eq!(tables::change(&copy, "DELETE FROM checkpoints"), 1);
    copy
}

#[test]
fn a_checkpoint_gives_what_the_whole_log_gives() {
    let (mut begun, mut left_out) = (0, 0);
    for seed in 100..103 {
        let (world, made) = hours(seed);
        let windows = windows(&world);
        let whole = made.explain(&without_checkpoints(&made), &windows);
        check_all(&world, &made, &windows, &whole);
        assert!(whole.iter().all(|explanation| explanation.scan.from_ms.is_none()));
        for (at, window) in windows.iter().enumerate().step_by(23) {
            let part = made.explain(&made.store(), std::slice::from_ref(window)).remove(0);
            let from = part.scan.from_ms.unwrap_or(0);
            assert!(from == 0 || from + MAX_AHEAD_MS + SEARCHED_MS <= window.start_ms, "{from} {window:?}");
            assert!(part.scan.to_ms <= whole[at].scan.to_ms);
            begun += usize::from(from > 0);
            left_out += usize::from(from > 0 && part.left_out.total > 0);
            assert_same(&part, &whole[at], window);
        }
    }
    assert!(begun > 100 && left_out > 20, "{begun} {left_out}");
}

/// The same, but for what was left out beyond the scan's ends.
fn assert_same(part: &Explanation, whole: &Explanation, window: &Window) {
    assert_eq!(part.accepted, whole.accepted, "{window:?}");
    assert_eq!(part.versions, whole.versions, "{window:?}");
    assert_eq!((&part.computed, &part.stored, part.verdict), (&whole.computed, &whole.stored, whole.verdict));
    let (from, to) = (part.scan.from_ms.unwrap_or(0), part.scan.to_ms);
    let within: Vec<_> = whole.left_out.listed.iter().filter(|out| (from..to).contains(&out.decided_at_ms)).collect();
    let listed: Vec<_> = part.left_out.listed.iter().filter(|out| out.decided_at_ms < to).collect();
    assert_eq!(listed, within, "{window:?}");
}

/// A log of which retention has removed the first records.
struct Rest {
    log: DirLog,
    first: u64,
}

impl Log for Rest {
    fn partitions(&self) -> u32 {
        self.log.partitions()
    }

    fn first_offset(&self, _partition: u32) -> Result<u64, LogError> {
        Ok(self.first)
    }

    fn end_offset(&self, partition: u32) -> Result<u64, LogError> {
        self.log.end_offset(partition)
    }

    fn reader(&self, partition: u32, offset: u64) -> Result<Box<dyn PartitionReader>, LogError> {
        assert!(offset >= self.first, "offset {offset} is gone");
        self.log.reader(partition, offset)
    }

    fn name(&self) -> String {
        "the rest".to_owned()
    }

    fn identity(&self) -> String {
        self.log.identity()
    }
}

fn explain_rest(made: &Made, first: u64, window: &Window) -> Result<Explanation, ExplainError> {
    let (rest, mut reader) = (Rest { log: made.log(), first }, SqliteReader::open(&made.store()).unwrap());
    let sources = Sources { log: &rest, settings: &made.settings, reader: &mut reader, is_stopped: &|| false };
    explain(sources, std::slice::from_ref(window), usize::MAX).map(|mut explained| explained.remove(0))
}

#[test]
fn the_oldest_window_that_the_log_explains_is_named() {
    let (world, made) = hours(200);
    let windows = windows(&world);
    let whole = made.explain(&without_checkpoints(&made), &windows);
    let first = world.lines[0].len() as u64 / 2;
    let (mut explained, mut gone, mut named) = (0, 0, None);
    for (window, whole) in
        windows.iter().zip(&whole).step_by(7).filter(|(window, _)| window.resolution == Resolution::S5)
    {
        match explain_rest(&made, first, window) {
            Ok(rest) => {
                explained += 1;
                assert!(rest.scan.from_ms.is_some_and(|from| from <= window.start_ms));
                assert_same(&rest, whole, window);
            }
            Err(error @ ExplainError::Gone { .. }) => {
                gone += 1;
                assert_eq!(error.exit_code(), 3);
                let ExplainError::Gone { oldest: Some(oldest), .. } = error else { panic!("{error}") };
                assert!(window.start_ms < oldest);
                assert_eq!(*named.get_or_insert(oldest), oldest);
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(explained > 20 && gone > 20, "{explained} {gone}");
    let window = |ms| Window::holding(Symbol::new("AA").unwrap(), Resolution::S5, ms);
    assert!(explain_rest(&made, first, &window(named.unwrap())).is_ok(), "the oldest that was named");
    assert!(explain_rest(&made, first, &window(named.unwrap() - 1)).is_err());
    let error = explain_rest(&made, world.lines[0].len() as u64 + 1, &window(named.unwrap())).unwrap_err();
    assert!(error.to_string().contains("no window can be explained"), "{error}");
}
