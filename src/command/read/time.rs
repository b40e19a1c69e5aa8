//! Times on the command line: RFC 3339, or integer milliseconds since the Unix epoch.

use std::str::FromStr;

use jiff::Timestamp;

/// A time in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub u64);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let stamp = || u64::try_from(text.parse::<Timestamp>().ok()?.as_millisecond()).ok();
        let ms = text.parse().ok().or_else(stamp);
        ms.map(Self).ok_or_else(|| "write 2013-10-07T13:30:00Z, or milliseconds since 1970".to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp::rfc3339;

    #[test]
    fn both_forms_are_read() {
        const MS: u64 = 1_381_152_600_000;
        for text in ["1381152600000", "2013-10-07T13:30:00Z", "2013-10-07T15:30:00+02:00"] {
            assert_eq!(text.parse(), Ok(Moment(MS)), "{text}");
        }
        for text in ["", "yesterday", "2013-10-07", "-5", "1.5", "1969-12-31T23:59:59Z"] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
        assert_eq!(rfc3339(MS), "2013-10-07T13:30:00Z");
        assert_eq!(rfc3339(MS + 250), "2013-10-07T13:30:00.25Z");
        assert_eq!(rfc3339(u64::MAX), u64::MAX.to_string());
    }
}
