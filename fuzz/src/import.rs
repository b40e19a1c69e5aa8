//! Files to import: every line is a trade or counted as none, and what is written is in the order of time.

use dataflows::log::decode::decode;
use dataflows::name_policy;
use jiff::tz::TimeZone;
use tickline::import::ImportError;
use tickline::import::event_time::TimeUnit;
use tickline::import::fields::Field;
use tickline::import::input::Input;
use tickline::import::look::Look;
use tickline::import::options::ReadOptions;
use tickline::import::preset::Preset;
use tickline::import::read::read;

use crate::decoded::{Part, Parts};
use crate::scratch::file;

/// Memory for records, in bytes: large enough that few inputs are written to a temporary file.
const MEMORY_BYTES: usize = 16 << 10;

/// Names of files, from which presets take symbol and day.
const NAMES: [&str; 5] =
    ["x.csv", "ABUSDT-trades-2024-06-03.csv", "20240603_spy_Trade_Tick.csv", "KRAKEN.csv", "é.-trades"];

const UNITS: [Option<TimeUnit>; 6] = [
    None,
    Some(TimeUnit::Seconds),
    Some(TimeUnit::Millis),
    Some(TimeUnit::Micros),
    Some(TimeUnit::Nanos),
    Some(TimeUnit::Iso),
];

/// Checks one file. The first three bytes choose the options.
pub fn check(data: &[u8]) {
    let Some((&[preset, unit, flags], text)) = data.split_first_chunk() else { return };
    let options = options(preset, unit, flags);
    let path = file(NAMES[(flags >> 5) as usize % NAMES.len()], text);
    let collected = match read(None, &[Input::File(path)], &options, MEMORY_BYTES, &|_| ()) {
        Ok(collected) => collected,
        Err(error) => {
            assert!(!matches!(error, ImportError::Temporary { .. }), "{error}");
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let looks = &collected.looks;
    let sum = |count: fn(&Look) -> u64| looks.iter().map(count).sum::<u64>();
    let (records, trades, invalid) = (sum(|look| look.records), sum(|look| look.trades), sum(|look| look.invalid));
    let mut written = Written { keeps_order: options.keep_order, ..Written::default() };
    collected
        .sorted
        .for_each(|record| {
            written.add(record);
            Ok(())
        })
        .unwrap();
    assert_eq!((written.records, written.trades), (records, trades), "{looks:?}");
    // A line that is rejected is written as it is, and rejected again by the dataflow.
    assert_eq!(written.rejected, invalid, "{looks:?}");
    // An archive has a look for each of its files.
    let [look] = looks.as_slice() else { return };
    if let Some(lines) = lines_of(text, &look.format, preset) {
        let named = trades + invalid;
        assert!(lines.contains(&named) && records == named, "{named} of {lines:?} lines are accounted for: {look}");
    }
}

fn options(preset: u8, unit: u8, flags: u8) -> ReadOptions {
    let zone = |name: &str| TimeZone::get(name).unwrap();
    let time_zone = [None, Some(zone("UTC")), Some(zone("America/New_York"))].into_iter().nth((flags & 3) as usize);
    ReadOptions {
        keep_order: flags & 4 != 0,
        columns: if flags & 8 != 0 { vec![(Field::Volume, "n".to_owned())] } else { Vec::new() },
        symbol: (flags & 16 != 0).then(|| "A".to_owned()),
        time_unit: UNITS[unit as usize % UNITS.len()],
        time_zone: time_zone.flatten(),
        preset: (preset > 0).then(|| {
            const ALL: &[Preset] = &Preset::ALL;
            &ALL[(preset as usize - 1) % ALL.len()]
        }),
    }
}

/// The number of lines, each of which has to be a trade or counted as invalid: all that are not blank, less the header
/// where there may be one. `None` for what is not read line by line, and where one line may hold many trades.
fn lines_of(text: &[u8], format: &str, preset: u8) -> Option<std::ops::RangeInclusive<u64>> {
    let is_marked = text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff");
    let many = ["type", "trades", "results", "data", "\\u"];
    let has_many = many.iter().any(|word| text.windows(word.len()).any(|window| window == word.as_bytes()));
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count() as u64;
    match format {
        _ if is_marked => None,
        "CSV" | "TSV" if preset == 0 => Some(lines - 1..=lines - 1),
        "CSV" | "TSV" => Some(lines - 1..=lines),
        "JSON Lines" if !has_many => Some(lines..=lines),
        _ => None,
    }
}

/// The records that would be written.
#[derive(Default)]
struct Written {
    keeps_order: bool,
    records: u64,
    trades: u64,
    rejected: u64,
    last_ms: u64,
}

impl Written {
    fn add(&mut self, record: &[u8]) {
        assert!(!record.contains(&b'\n'), "a record of two lines");
        let parts = Parts::of(|parts| decode(record, record.len() as u64, parts));
        self.records += 1;
        for part in &parts.0 {
            match part {
                Part::Trade(trade) => {
                    self.trades += 1;
                    assert_eq!(name_policy::check(&trade.symbol), Ok(()));
                }
                Part::Rejected { .. } => self.rejected += 1,
                Part::Control(control) => assert!(control.starts_with("Gap"), "{control} is imported"),
            }
        }
        if let Some(least_ms) = parts.trades().map(|trade| trade.event_ms).min() {
            assert!(self.keeps_order || self.last_ms <= least_ms, "{} before {least_ms}", self.last_ms);
            self.last_ms = least_ms;
        }
    }
}
