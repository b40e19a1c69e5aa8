//! What calendar files may say, and what errors say of those that are wrong.

use tickline::calendar::Calendar;
use tickline::exit_code;

const HEAD: &str = "mics = ['X1']\nname = 'One'\nzone = 'Europe/Berlin'\nyears = [2024, 2024]\n\
                    closed_days = ['saturday', 'sunday']\n";
const HOURS: &str = "[[hours]]\nfrom = 2024-01-01\nregular = '09:00-17:00'\npost = '17:00-18:00'\n";

fn read(text: &str) -> Result<Calendar, String> {
    Calendar::from_toml("x.toml", text).map_err(|error| {
        let error = anyhow::Error::from(error);
        assert_eq!(exit_code::of(&error), 2);
        error.to_string()
    })
}

fn with(more: &str) -> Result<Calendar, String> {
    read(&format!("{HEAD}{HOURS}{more}"))
}

#[test]
fn errors_name_file_and_line() {
    // After HEAD and HOURS, the first line is 10.
    for (more, wanted) in [
        ("x = 1\n", "line 10, column 1: unknown field `x`"),
        ("[[holiday]]\nname = 'a'\non = '25-12'\n", "line 12, column 6: invalid rule: expected e.g. \"12-25\""),
        ("[[holiday]]\nname = 'a'\n", "line 10: it has no days: add `on`"),
        ("\n\n[[holiday]]\nname = 'a'\ndates = [2023-05-01]\n", "line 12: 2023-05-01 is outside of `years`"),
        ("[[holiday]]\nname = 'a'\ndates = [2024-02-30]\n", "line 12, column "),
        ("[[holiday]]\nname = 'a'\ndates = [2024-05-01T10:00:00]\n", "line 12, column 9: expected a date"),
        ("[[holiday]]\nname = 'a'\ndates = [2024-05-04]\n", "line 10: 2024-05-04 is closed anyway"),
        ("[[holiday]]\nname = 'a'\ndates = [2024-05-01, 2024-05-01]\n", "line 10: 2024-05-01 is given twice"),
        (
            "[[holiday]]\nname = 'a'\ndates = [2024-05-01]\nclose = '12:00'\n",
            "line 10: a [[holiday]] is closed all day",
        ),
        (
            "[[holiday]]\nname = 'a'\ndates = [2024-05-01]\nweekend = 'next'\n",
            "line 10: weekend, years and except belong",
        ),
        ("[[holiday]]\nname = 'a'\non = '05-01'\nweekend = 'sometimes'\n", "line 13, column 11: unknown variant"),
        ("[[holiday]]\nname = 'a'\non = '05-01'\nyears = [2025, 2024]\n", "line 10: invalid years"),
        ("[[special]]\nname = 'a'\non = '05-02'\n", "line 10: a [[special]] needs other hours"),
        ("[[special]]\nname = 'a'\non = '05-02'\nclose = '12:00'\n", "line 10: on 2024-05-02, `close` needs `post`"),
        ("[[special]]\nname = 'a'\non = '05-02'\nclose = '25:00'\n", "line 13, column 9: invalid time of day"),
        ("[[special]]\nname = 'a'\non = '05-02'\nclose = '08:00'\npost = 'none'\n", "closes before it opens"),
        (
            "[[special]]\nname = 'a'\non = '05-02'\npost = '16:00-18:00'\n",
            "post begins before the regular session closes",
        ),
        ("[[special]]\nname = 'a'\ndates = [2024-05-04]\npost = 'none'\n", "2024-05-04 is not a trading day"),
        ("[[special]]\nname = 'a'\non = '05-02'\ndates = [2024-05-02]\npost = 'none'\n", "2024-05-02 is given twice"),
        ("[[hours]]\nfrom = 2024-01-01\nregular = '09:00-17:00'\n", "line 10: [[hours]] must ascend by `from`"),
        ("[[hours]]\nfrom = 2024-02-01\nregular = '17:00-09:00'\n", "line 12, column 11: invalid hours"),
        ("[[hours]]\nfrom = 2024-02-01\nregular = '09:00-17:00'\nbreak = '08:00-10:00'\n", "line 10: the break is not"),
        (
            "[[hours]]\nfrom = 2024-02-01\nregular = '17:00 the day before-18:00'\n",
            "line 10: the sessions of 2024-02-01 are empty, or overlap",
        ),
    ] {
        let error = with(more).expect_err(more);
        let (file, what) = error.split_once("x.toml: ").unwrap();
        assert!(file == "cannot use the calendar " && what.contains(wanted), "{more:?}: {error}");
    }
}

#[test]
fn errors_of_the_head_name_file_and_line() {
    for (from, to, wanted) in [
        ("['X1']", "[]", "line 1: mics needs at least one name"),
        ("['X1']", "['X 1']", "line 1: mics needs at least one name"),
        ("Europe/Berlin", "Europe/Bern", "line 3: unknown time zone"),
        ("[2024, 2024]", "[2024, 2023]", "line 4: invalid years"),
        ("[2024, 2024]", "[1970, 2024]", "line 4: invalid years: expected [first, last] within 1971 to 2099"),
        ("[2024, 2024]", "[2024, 2100]", "line 4: invalid years"),
        ("[2024, 2024]", "[2023, 2024]", "line 6: the first [[hours]] must be from 2023-01-01 or earlier"),
        ("'sunday'", "'someday'", "line 5, column 15: invalid day of the week"),
    ] {
        let error = read(&format!("{}{HOURS}", HEAD.replace(from, to))).expect_err(to);
        assert!(error.contains(wanted), "{to:?}: {error}");
    }
}

#[test]
fn observances_move_off_closed_days() {
    // 2024-06-01 is a Saturday, 2024-06-02 a Sunday; the Monday after it is taken.
    let taken = "[[holiday]]\nname = 'b'\ndates = [2024-06-03]\n";
    for (rule, weekend, wanted) in [
        ("06-01", "nearest", Some("2024-05-31")),
        ("06-02", "nearest", Some("2024-06-03")),
        ("06-01", "next", Some("2024-06-04")),
        ("06-02", "next", Some("2024-06-04")),
        ("06-01", "previous", Some("2024-05-31")),
        ("06-02", "previous", Some("2024-05-31")),
        ("06-01", "sunday-next", None),
        ("06-02", "sunday-next", Some("2024-06-04")),
        ("06-05", "next", Some("2024-06-05")),
    ] {
        let more = format!("[[holiday]]\nname = 'a'\non = '{rule}'\nweekend = '{weekend}'\n{taken}");
        let calendar = with(&more).unwrap();
        let is_closed = |date: &str| calendar.holiday(date.parse().unwrap()).is_some();
        let dates = ["2024-05-31", "2024-06-01", "2024-06-02", "2024-06-04", "2024-06-05"];
        let closed: Vec<_> = dates.into_iter().filter(|date| is_closed(date)).collect();
        // The one that is taken is a holiday in any case.
        let wanted: Vec<_> = wanted.into_iter().filter(|date| *date != "2024-06-03").collect();
        assert_eq!(closed, wanted, "{rule} {weekend}");
    }
}

#[test]
fn the_version_is_of_what_it_says() {
    let version = |more: &str| with(more).unwrap().version();
    let plain = version("");
    assert_eq!(plain, version("# a comment\n"));
    assert_eq!(plain, version("[[holiday]]\nname = 'on a Saturday'\non = '06-01'\n"));
    let named = |name: &str| version(&format!("[[holiday]]\nname = '{name}'\ndates = [2024-06-03]\n"));
    assert_eq!(named("a"), named("b"));
    assert_ne!(plain, named("a"));
    assert_ne!(plain, version("[[special]]\nname = 'a'\ndates = [2024-06-03]\npost = '17:00-18:01'\n"));
    assert_eq!(plain.len(), 32);
}

#[test]
fn the_example_of_the_page_is_right() {
    let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/calendars.md"));
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let calendar = read(rest.split_once("```").unwrap().0).unwrap();
    let closed_for = |date: &str| calendar.closed_for(date.parse().unwrap()).map(str::to_owned);
    let days = ["2025-08-01", "2024-08-01", "2026-08-04", "2026-08-03", "2024-04-01"].map(closed_for);
    let (national, easter) = (Some("National Day".to_owned()), Some("Easter Monday".to_owned()));
    assert_eq!(days, [national.clone(), None, national, None, easter]);
    assert!(calendar.special("2024-12-24".parse().unwrap()).is_some_and(|special| special.is_early_close));
}
