//! Trading days as plain numbers: sessions in Unix milliseconds, and where a time lies among them.
//!
//! What makes them (time zones, holidays, files) is in the crate `tickline`: it needs the time zone database, which the
//! pure crate does without. Nothing here knows a zone, so a change of daylight saving is only a different number.

use std::ops::Range;

use xxhash_rust::xxh3::Xxh3;

/// Days since 1970-01-01, of a trading day by the market's own date.
pub type DayNumber = u32;

/// A part of a trading day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Trading before the regular session.
    Pre,
    /// The regular session.
    Regular,
    /// The break in the regular session.
    Break,
    /// Trading after the regular session.
    Post,
}

impl Part {
    /// Name, as in output and calendar files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pre => "pre",
            Self::Regular => "regular",
            Self::Break => "break",
            Self::Post => "post",
        }
    }
}

/// A part of a trading day in time: `[start_ms, end_ms)`, in Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Which part.
    pub part: Part,
    /// First millisecond.
    pub start_ms: u64,
    /// First millisecond after it.
    pub end_ms: u64,
}

/// A day on which a market trades.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradingDay {
    /// The market's date.
    pub day: DayNumber,
    /// Sessions and breaks, ascending and disjoint. The regular session has two parts around a break.
    pub sessions: Vec<Session>,
}

impl TradingDay {
    /// First session of a part.
    pub fn first(&self, part: Part) -> Option<&Session> {
        self.sessions.iter().find(|session| session.part == part)
    }

    /// Last session of a part.
    pub fn last(&self, part: Part) -> Option<&Session> {
        self.sessions.iter().rfind(|session| session.part == part)
    }
}

/// Where a time lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a part of a trading day.
    In(DayNumber, Part),
    /// Between sessions.
    Closed,
    /// Outside of the years that the calendar covers: nothing is known.
    NotCovered,
}

/// Sessions that are empty, or that begin before the end of the one before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sessions of day {0} are empty or overlap")]
pub struct Overlap(pub DayNumber);

/// The trading days of a market over a stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    days: Vec<TradingDay>,
    covered_ms: Range<u64>,
}

impl Schedule {
    /// A schedule of trading days, which must ascend, as their sessions must, without overlap.
    pub fn new(days: Vec<TradingDay>, covered_ms: Range<u64>) -> Result<Self, Overlap> {
        let (mut end_ms, mut next_day) = (covered_ms.start, 0);
        for TradingDay { day, sessions } in &days {
            for session in sessions {
                if session.start_ms < end_ms || session.end_ms <= session.start_ms {
                    return Err(Overlap(*day));
                }
                end_ms = session.end_ms;
            }
            if *day < next_day || end_ms > covered_ms.end {
                return Err(Overlap(*day));
            }
            next_day = day + 1;
        }
        Ok(Self { days, covered_ms })
    }

    /// All trading days, ascending.
    pub fn all(&self) -> &[TradingDay] {
        &self.days
    }

    /// The trading days from `first` to `last`, both included. What is outside of the covered years has none: the
    /// caller knows the dates that are covered.
    pub fn days(&self, first: DayNumber, last: DayNumber) -> &[TradingDay] {
        let start = self.days.partition_point(|day| day.day < first);
        let end = self.days.partition_point(|day| day.day <= last);
        self.days.get(start..end).unwrap_or_default()
    }

    /// The last trading day before a day.
    pub fn before(&self, day: DayNumber) -> Option<&TradingDay> {
        self.days.partition_point(|known| known.day < day).checked_sub(1).map(|at| &self.days[at])
    }

    /// The first trading day after a day.
    pub fn after(&self, day: DayNumber) -> Option<&TradingDay> {
        self.days.get(self.days.partition_point(|known| known.day <= day))
    }

    /// The trading day and the part of it that a time belongs to.
    pub fn at(&self, ms: u64) -> Place {
        if !self.covered_ms.contains(&ms) {
            return Place::NotCovered;
        }
        let begun = self.days.partition_point(|day| day.sessions.first().is_some_and(|first| first.start_ms <= ms));
        let Some(day) = begun.checked_sub(1).map(|at| &self.days[at]) else { return Place::Closed };
        let session = day.sessions.iter().find(|session| (session.start_ms..session.end_ms).contains(&ms));
        session.map_or(Place::Closed, |session| Place::In(day.day, session.part))
    }

    /// A hash of all days and sessions, and of the covered time: equal for calendars that say the same.
    pub fn version(&self) -> u128 {
        let mut hash = Xxh3::new();
        let mut add = |number: u64| hash.update(&number.to_le_bytes());
        add(self.covered_ms.start);
        add(self.covered_ms.end);
        for TradingDay { day, sessions } in &self.days {
            add(u64::from(*day));
            add(sessions.len() as u64);
            for session in sessions {
                add(session.part as u64);
                add(session.start_ms);
                add(session.end_ms);
            }
        }
        hash.digest128()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(part: Part, start_ms: u64, end_ms: u64) -> Session {
        Session { part, start_ms, end_ms }
    }

    /// Two days with a break and a gap between them.
    fn days() -> Vec<TradingDay> {
        let first =
            vec![session(Part::Regular, 100, 110), session(Part::Break, 110, 115), session(Part::Regular, 115, 120)];
        let second =
            vec![session(Part::Pre, 190, 200), session(Part::Regular, 200, 210), session(Part::Post, 215, 220)];
        vec![TradingDay { day: 3, sessions: first }, TradingDay { day: 5, sessions: second }]
    }

    #[test]
    fn a_time_belongs_to_one_part() {
        let schedule = Schedule::new(days(), 90..300).unwrap();
        let mut expected = vec![Place::NotCovered; 400];
        expected[90..300].fill(Place::Closed);
        for day in days() {
            for session in day.sessions {
                expected[session.start_ms as usize..session.end_ms as usize].fill(Place::In(day.day, session.part));
            }
        }
        let found: Vec<_> = (0..400).map(|ms| schedule.at(ms)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn days_are_found_by_number() {
        let schedule = Schedule::new(days(), 90..300).unwrap();
        let numbers = |first, last| schedule.days(first, last).iter().map(|day| day.day).collect::<Vec<_>>();
        assert_eq!((numbers(0, 9), numbers(3, 3), numbers(4, 4)), (vec![3, 5], vec![3], vec![]));
        assert_eq!(numbers(6, 2), [0; 0]);
        let around = |day| [schedule.before(day), schedule.after(day)].map(|found| found.map(|day| day.day));
        assert_eq!(
            [2, 3, 4, 5, 6].map(around),
            [[None, Some(3)], [None, Some(5)], [Some(3), Some(5)], [Some(3), None], [Some(5), None]]
        );
    }

    #[test]
    fn what_overlaps_is_rejected() {
        assert_eq!(Schedule::new(days(), 101..300), Err(Overlap(3)), "before what is covered");
        assert_eq!(Schedule::new(days(), 90..219), Err(Overlap(5)), "after it");
        let with = |change: &dyn Fn(&mut Vec<TradingDay>)| {
            let mut days = days();
            change(&mut days);
            Schedule::new(days, 90..300)
        };
        assert_eq!(with(&|days| days[1].day = 3), Err(Overlap(3)));
        assert_eq!(with(&|days| days[0].sessions[1].start_ms = 109), Err(Overlap(3)));
        assert_eq!(with(&|days| days[1].sessions[0].start_ms = 119), Err(Overlap(5)));
        assert_eq!(with(&|days| days[1].sessions[0].end_ms = 190), Err(Overlap(5)));
        assert!(with(&|days| days[1].sessions[0].start_ms = 120).is_ok(), "they may touch");
    }

    #[test]
    fn every_number_is_part_of_the_version() {
        let version = |days: Vec<TradingDay>, covered| Schedule::new(days, covered).unwrap().version();
        let mut versions = vec![version(days(), 90..300), version(days(), 91..300), version(days(), 90..301)];
        for day in 0..2 {
            let mut changed = days();
            changed[day].day -= 1;
            versions.push(version(changed, 90..300));
            for at in 0..3 {
                let with = |change: &dyn Fn(&mut Session)| {
                    let mut changed = days();
                    change(&mut changed[day].sessions[at]);
                    Schedule::new(changed, 90..300).map(|schedule| schedule.version())
                };
                versions.extend(with(&|session| session.start_ms += 1));
                versions.extend(with(&|session| session.end_ms -= 1));
                versions.extend(with(&|session| {
                    session.part = if session.part == Part::Pre { Part::Post } else { Part::Pre }
                }));
            }
        }
        let count = versions.len();
        versions.sort_unstable();
        versions.dedup();
        assert_eq!((versions.len(), count), (count, 3 + 2 + 18));
    }
}
