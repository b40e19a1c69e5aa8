//! Local times as instants, such that the order of local times is kept at every change of daylight saving.

use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Error, Timestamp, ToSpan as _};

/// The instant, in Unix milliseconds, at which the clocks of a zone show a time: `minute` minutes after midnight by the
/// clock. A time that is skipped is the instant of the change, and of one that occurs twice it is the first: so that a
/// session that begins where another ends does so on these days, too.
pub fn instant(zone: &TimeZone, date: Date, minute: i32) -> Result<i64, Error> {
    let local = date.to_datetime(jiff::civil::Time::midnight()).checked_add(i64::from(minute).minutes())?;
    let found = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local)?,
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local)?,
        AmbiguousOffset::Gap { after, .. } => change_after(zone, after.to_timestamp(local)?),
    };
    Ok(found.as_millisecond())
}

/// The first change of the clocks after an instant.
fn change_after(zone: &TimeZone, before: Timestamp) -> Timestamp {
    zone.following(before).next().map_or(before, |change| change.timestamp())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn utc(zone: &str, date: Date, minute: i32) -> String {
        let ms = instant(&TimeZone::get(zone).unwrap(), date, minute).unwrap();
        Timestamp::from_millisecond(ms).unwrap().to_string()
    }

    #[test]
    fn order_is_kept_where_clocks_change() {
        let (forward, back) = (date(2024, 3, 10), date(2024, 11, 3));
        let of = |date, minute| utc("America/New_York", date, minute);
        assert_eq!(of(forward, 119), "2024-03-10T06:59:00Z");
        for skipped in [120, 121, 179, 180] {
            assert_eq!(of(forward, skipped), "2024-03-10T07:00:00Z", "{skipped}");
        }
        assert_eq!(of(forward, 181), "2024-03-10T07:01:00Z");
        assert_eq!(of(back, 60), "2024-11-03T05:00:00Z", "the first of two");
        assert_eq!(of(back, 119), "2024-11-03T05:59:00Z");
        assert_eq!(of(back, 120), "2024-11-03T07:00:00Z");
        assert_eq!(of(back, -60), "2024-11-03T03:00:00Z", "on the day before");
        assert_eq!(of(back, 1440), of(date(2024, 11, 4), 0));
    }

    /// Where clocks change at midnight, a day begins with the change.
    #[test]
    fn days_meet_where_midnight_is_skipped() {
        let day = date(2017, 10, 15);
        assert_eq!(utc("America/Sao_Paulo", day, 0), "2017-10-15T03:00:00Z");
        assert_eq!(utc("America/Sao_Paulo", day.yesterday().unwrap(), 1440), "2017-10-15T03:00:00Z");
        assert_eq!(utc("America/Sao_Paulo", day, 60), "2017-10-15T03:00:00Z");
    }
}
