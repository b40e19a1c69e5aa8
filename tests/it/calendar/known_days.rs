//! Days that were in the news, by the exchanges' notices.

use dataflows::calendar::Place;
use jiff::Timestamp;
use tickline::calendar::{Calendar, shipped};

fn calendar(mic: &str) -> Calendar {
    shipped::of_mic(mic).unwrap().unwrap_or_else(|| panic!("no calendar of {mic}"))
}

/// The sessions of a date in UTC: `regular 13:30-20:00`; none on a closed day.
fn sessions(mic: &str, date: &str) -> String {
    let calendar = calendar(mic);
    let date = date.parse().unwrap();
    let Some(day) = calendar.days(date, date).unwrap().first() else { return String::new() };
    let minute = |ms: u64| Timestamp::from_millisecond(ms as i64).unwrap().to_string()[11..16].to_owned();
    let text = |session: &dataflows::calendar::Session| {
        format!("{} {}-{}", session.part.name(), minute(session.start_ms), minute(session.end_ms))
    };
    day.sessions.iter().map(text).collect::<Vec<_>>().join(", ")
}

#[test]
fn new_york() {
    let regular = "pre 08:00-13:30, regular 13:30-20:00, post 20:00-00:00";
    for date in ["2013-10-07", "2013-10-08"] {
        assert_eq!(sessions("XNYS", date), regular);
        assert_eq!(sessions("XNAS", date), regular);
    }
    assert_eq!(sessions("XNYS", "2013-11-29"), "pre 09:00-14:30, regular 14:30-18:00, post 18:00-22:00");
    for closed in ["2012-10-29", "2012-10-30", "2007-01-02", "2018-12-05", "2025-01-09", "2022-06-20", "2021-12-24"] {
        assert_eq!(sessions("XNYS", closed), "", "{closed}");
    }
    assert!(!sessions("XNYS", "2021-06-18").is_empty(), "Juneteenth was not yet a holiday of the exchange");
    assert!(!sessions("XNYS", "2010-12-31").is_empty(), "New Year's Day on a Saturday is not observed");
    assert_eq!(calendar("XNYS").closed_for("2012-10-29".parse().unwrap()), Some("Hurricane Sandy"));
}

#[test]
fn london_and_the_continent() {
    assert_eq!(sessions("XLON", "2024-12-24"), "regular 08:00-12:30");
    assert_eq!(sessions("XLON", "2024-07-01"), "regular 07:00-15:30");
    for closed in ["2011-04-29", "2012-06-05", "2020-05-08", "2022-06-03", "2022-09-19", "2023-05-08", "2022-12-27"] {
        assert_eq!(sessions("XLON", closed), "", "{closed}");
    }
    for (day, name) in [("2021-12-27", "Christmas Day"), ("2021-12-28", "Boxing Day"), ("2022-12-26", "Boxing Day")] {
        assert_eq!(calendar("XLON").holiday(day.parse().unwrap()), Some(name), "{day}");
    }
    assert_eq!(sessions("XETR", "2023-12-29"), "regular 08:00-13:00");
    assert_eq!(sessions("XETR", "2023-12-28"), "regular 08:00-16:30");
    assert_eq!(sessions("XETR", "2017-10-31"), "");
    assert_eq!(sessions("XPAR", "2024-12-24"), "regular 08:00-13:05");
    assert_eq!(sessions("XLIS", "2024-07-01"), "regular 07:00-15:30");
}

#[test]
fn toronto() {
    assert_eq!(sessions("XTSE", "2024-12-24"), "regular 14:30-18:00");
    assert_eq!([sessions("XTSE", "2024-05-20"), sessions("XTSE", "2023-07-03")], ["", ""]);
}

#[test]
fn tokyo() {
    let before = "regular 00:00-02:30, break 02:30-03:30, regular 03:30-06:00";
    let after = "regular 00:00-02:30, break 02:30-03:30, regular 03:30-06:30";
    assert_eq!([sessions("XTKS", "2024-11-01"), sessions("XTKS", "2024-11-05")], [before, after]);
    let early = "regular 00:00-02:00, break 02:00-03:30, regular 03:30-06:00";
    assert_eq!([sessions("XTKS", "2011-11-18"), sessions("XTKS", "2011-11-21")], [early, before]);
    let late_afternoon = "regular 00:00-02:00, break 02:00-04:00, regular 04:00-06:00";
    assert_eq!([sessions("XTKS", "2006-01-19"), sessions("XTKS", "2006-04-24")], [late_afternoon, early]);
    assert_eq!([sessions("XTKS", "2008-12-30"), sessions("XTKS", "2009-12-30")], ["regular 00:00-02:00", early]);
    assert_eq!(
        [sessions("XTKS", "2020-10-01"), sessions("XTKS", "2019-05-02"), sessions("XTKS", "2009-09-22")],
        [""; 3]
    );
}

#[test]
fn hong_kong() {
    let today = "regular 01:30-04:00, break 04:00-05:00, regular 05:00-08:00";
    let first_phase = "regular 01:30-04:00, break 04:00-05:30, regular 05:30-08:00";
    let before = "regular 02:00-04:30, break 04:30-06:30, regular 06:30-08:00";
    assert_eq!(
        ["2011-03-04", "2011-03-07", "2012-03-05"].map(|date| sessions("XHKG", date)),
        [before, first_phase, today]
    );
    assert_eq!(sessions("XHKG", "2024-12-24"), "regular 01:30-04:00");
    assert_eq!(sessions("XHKG", "2010-12-24"), "regular 02:00-04:30");
    assert_eq!(sessions("XHKG", "2020-08-19"), "regular 05:30-08:00");
    for typhoon in ["2016-10-21", "2017-08-23", "2023-09-01", "2023-09-08", "2024-09-06"] {
        assert_eq!(sessions("XHKG", typhoon), "", "{typhoon}");
    }
}

#[test]
fn a_time_has_its_day_and_part() {
    let place = |mic: &str, time: &str| {
        let ms = time.parse::<Timestamp>().unwrap().as_millisecond() as u64;
        match calendar(mic).schedule().at(ms) {
            Place::In(day, part) => format!("{} {}", tickline::calendar::date_of(day), part.name()),
            place => format!("{place:?}"),
        }
    };
    for (mic, time, wanted) in [
        ("XNYS", "2013-10-07T13:29:59.999Z", "2013-10-07 pre"),
        ("XNYS", "2013-10-07T13:30:00Z", "2013-10-07 regular"),
        ("XNYS", "2013-10-07T19:59:59.999Z", "2013-10-07 regular"),
        ("XNYS", "2013-10-07T20:00:00Z", "2013-10-07 post"),
        ("XNYS", "2013-12-03T00:59:59.999Z", "2013-12-02 post"),
        ("XNYS", "2013-12-03T01:00:00Z", "Closed"),
        ("XNYS", "2013-11-29T18:00:00Z", "2013-11-29 post"),
        ("XNYS", "2013-11-29T22:00:00Z", "Closed"),
        ("XTKS", "2024-11-05T03:00:00Z", "2024-11-05 break"),
        ("forex", "2024-03-10T20:59:59.999Z", "Closed"),
        ("forex", "2024-03-10T21:00:00Z", "2024-03-11 regular"),
        ("crypto", "2024-03-10T23:59:59.999Z", "2024-03-10 regular"),
        ("XNYS", "2006-01-01T04:59:59.999Z", "NotCovered"),
        ("XNYS", "2006-01-01T05:00:00Z", "Closed"),
        ("XNYS", "2027-01-01T04:59:59.999Z", "Closed"),
        ("XNYS", "2027-01-01T05:00:00Z", "NotCovered"),
    ] {
        assert_eq!(place(mic, time), wanted, "{mic} {time}");
    }
}
