//! Every change of daylight saving of 21 years, in every zone of a calendar: no hour is missing, and none is there
//! twice.

use dataflows::calendar::{Part, Place};
use tickline::calendar::{Calendar, shipped};

use super::years::{DAY_MS, HOUR_MS, YEARS, ZONES, Zone, day, weekday};

/// A market in this zone that is always open.
fn always_open(zone: &str) -> Calendar {
    let text = format!(
        "mics = ['X1']\nname = 'x'\nzone = '{zone}'\nyears = {YEARS:?}\n[[hours]]\nfrom = 2006-01-01\n\
         regular = '00:00-24:00'\n"
    );
    Calendar::from_toml("x.toml", &text).unwrap()
}

#[test]
fn days_are_whole_in_every_zone() {
    for zone in ZONES {
        let calendar = always_open(zone.0);
        let days = calendar.schedule().all();
        let [first, end] = [day(YEARS[0], 1, 1), day(YEARS[1] + 1, 1, 1)];
        assert_eq!(days.len() as i64, end - first, "{}", zone.0);
        let mut next_ms = first * DAY_MS - zone.1 * HOUR_MS;
        let mut lengths = [0; 3];
        for (number, day) in (first..).zip(days) {
            let [session] = day.sessions[..] else { panic!("{day:?}") };
            assert_eq!((i64::from(day.day), session.start_ms as i64), (number, next_ms), "{}", zone.0);
            let length_ms = session.end_ms as i64 - next_ms;
            let change = zone.offset_ms(next_ms) - zone.offset_ms(next_ms + DAY_MS);
            assert_eq!(length_ms, DAY_MS + change, "{}: day {number}", zone.0);
            lengths[(length_ms / HOUR_MS - 23) as usize] += 1;
            next_ms = session.end_ms as i64;
        }
        let changes = if zone.summer(2020).is_some() { (YEARS[1] - YEARS[0] + 1) as i32 } else { 0 };
        assert_eq!([lengths[0], lengths[2]], [changes; 2], "{}: days of 23 and of 25 hours", zone.0);
    }
}

#[test]
fn every_hour_has_its_day_in_every_zone() {
    for zone in ZONES {
        let calendar = always_open(zone.0);
        let [first, end] = [day(YEARS[0], 1, 1), day(YEARS[1] + 1, 1, 1)].map(|day| day * DAY_MS - zone.1 * HOUR_MS);
        for ms in (first..end).step_by(HOUR_MS as usize).flat_map(|hour| [hour, hour + HOUR_MS - 1]) {
            let local_day = (ms + zone.offset_ms(ms)).div_euclid(DAY_MS) as u32;
            assert_eq!(calendar.schedule().at(ms as u64), Place::In(local_day, Part::Regular), "{}: {ms}", zone.0);
        }
        let outside = [first - 1, end].map(|ms| calendar.schedule().at(ms as u64));
        assert_eq!(outside, [Place::NotCovered; 2], "{}", zone.0);
    }
}

/// Local times at which sessions of a market may begin and end, in minutes, as the exchanges' notices have them.
fn minutes_of(mic: &str) -> &'static [i64] {
    match mic {
        // Pre 04:00, regular 09:30 to 16:00 or 13:00, post to 20:00 or 17:00.
        "XNYS" => &[240, 570, 780, 960, 1020, 1200],
        "XLON" => &[480, 750, 990],
        "XETR" => &[540, 840, 1050],
        "XPAR" => &[540, 845, 1050],
        "XTSE" => &[570, 780, 960],
        "XTKS" => &[540, 660, 690, 750, 780, 900, 930],
        "XHKG" => &[570, 600, 720, 750, 780, 810, 870, 960],
        "forex" => &[1020],
        "crypto" => &[0],
        other => panic!("{other}: add its local times"),
    }
}

#[test]
fn local_times_of_markets_are_the_same_all_year() {
    for calendar in shipped::all().unwrap() {
        let zone = Zone::of(&calendar.zone_name);
        let known = minutes_of(&calendar.mics[0]);
        let [first, last] = [day(YEARS[0], 1, 1), day(YEARS[1], 12, 31)].map(|day| day as u32);
        let mut seen = std::collections::BTreeSet::new();
        for trading_day in calendar.schedule().days(first, last) {
            for ms in trading_day.sessions.iter().flat_map(|session| [session.start_ms, session.end_ms]) {
                let local = ms as i64 + zone.offset_ms(ms as i64);
                let minute = local.rem_euclid(DAY_MS) / 60_000;
                assert!(known.contains(&minute), "{}: {trading_day:?} at minute {minute}", calendar.mics[0]);
                seen.insert(minute);
            }
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), known, "{}", calendar.mics[0]);
    }
}

/// From Sunday 17:00 to Friday 17:00 in New York, and nothing else.
#[test]
fn the_week_of_forex_has_no_gap() {
    let forex = shipped::of_mic("forex").unwrap().unwrap();
    let zone = Zone::of("America/New_York");
    let [first, end] = [day(YEARS[0], 1, 1), day(YEARS[1] + 1, 1, 1)].map(|day| day * DAY_MS);
    for ms in (first..end).step_by(HOUR_MS as usize).flat_map(|hour| [hour, hour + HOUR_MS - 1]) {
        // Seven hours later by the local clock, so that a trading day is a date.
        let shifted = ms + zone.offset_ms(ms) + 7 * HOUR_MS;
        let number = shifted.div_euclid(DAY_MS);
        let wanted = if weekday(number) < 5 { Place::In(number as u32, Part::Regular) } else { Place::Closed };
        assert_eq!(forex.schedule().at(ms as u64), wanted, "{ms}");
    }
}
