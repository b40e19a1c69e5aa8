//! Hours of a trading day in local time, as calendar files write them: `09:30-16:00`.

use serde::Deserialize;

/// Minutes of a day.
const DAY_MINUTES: i32 = 24 * 60;
/// After an opening that is on the evening before the trading day.
const DAY_BEFORE: &str = " the day before";

/// Accepted format, for errors.
const EXPECTED: &str = "invalid hours: expected an opening and a later close, e.g. \"09:30-16:00\" or \"17:00 the day \
                        before-17:00\"";

/// A stretch of local time, in minutes after the midnight at which the trading day begins. An opening on the day before
/// is negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Window {
    /// First minute.
    pub open: i32,
    /// First minute after it.
    pub close: i32,
}

/// A time of day in minutes, `09:30` or `24:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Clock(pub i32);

impl TryFrom<String> for Clock {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        clock(&text).map(Self).ok_or("invalid time of day: expected e.g. \"13:00\"")
    }
}

impl TryFrom<String> for Window {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        window(&text).ok_or(EXPECTED)
    }
}

fn window(text: &str) -> Option<Window> {
    let (open, close) = text.split_once('-')?;
    let (open, before) = match open.trim().strip_suffix(DAY_BEFORE) {
        Some(open) => (open, DAY_MINUTES),
        None => (open, 0),
    };
    let (open, close) = (clock(open.trim())? - before, clock(close.trim())?);
    (open < close && close > 0).then_some(Window { open, close })
}

fn clock(text: &str) -> Option<i32> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str, max: i32| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number: &i32| is_number && *number <= max)
    };
    let total = number(hours, 24)? * 60 + number(minutes, 59)?;
    (total <= DAY_MINUTES).then_some(total)
}

/// The hours of a trading day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// The regular session.
    pub regular: Window,
    /// The break in it.
    pub pause: Option<Window>,
    /// Trading before it.
    pub pre: Option<Window>,
    /// Trading after it.
    pub post: Option<Window>,
}

impl Hours {
    /// What is wrong with them, if anything: every part has its place in the order of the day.
    pub fn wrong(&self) -> Option<&'static str> {
        let Window { open, close } = self.regular;
        if self.pause.is_some_and(|pause| pause.open <= open || pause.close >= close) {
            return Some("the break is not inside the regular session");
        }
        if self.pre.is_some_and(|pre| pre.close > open) {
            return Some("pre ends after the regular session opens");
        }
        if self.post.is_some_and(|post| post.open < close) {
            return Some("post begins before the regular session closes");
        }
        None
    }

    /// The first minute of the day.
    pub fn first(&self) -> i32 {
        self.pre.unwrap_or(self.regular).open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_parsed() {
        for (text, open, close) in [
            ("09:30-16:00", 570, 960),
            ("09:30 - 16:00", 570, 960),
            ("00:00-24:00", 0, 1440),
            ("17:00 the day before-17:00", -420, 1020),
            ("17:00 the day before - 00:01", -420, 1),
        ] {
            assert_eq!(window(text), Some(Window { open, close }), "{text}");
        }
        let wrong = ["", "-", "9:30-16:00", "09:30", "09:30-09:30", "16:00-09:30", "09:60-16:00", "09:30-24:01"];
        for text in wrong.into_iter().chain(["+9:30-16:00", "17:00 the day before-00:00", "09:30-16:00-17:00"]) {
            assert_eq!(window(text), None, "{text}");
        }
    }

    #[test]
    fn every_part_has_its_place() {
        let of = |text: &str| window(text).unwrap();
        let hours = |pause: &str, pre: &str, post: &str| {
            let part = |text: &str| (!text.is_empty()).then(|| of(text));
            Hours { regular: of("09:00-15:00"), pause: part(pause), pre: part(pre), post: part(post) }.wrong()
        };
        assert_eq!(hours("11:30-12:30", "08:00-09:00", "15:00-16:00"), None);
        assert_eq!(hours("", "07:00-08:00", "16:00-17:00"), None);
        for (pause, pre, post, said) in [
            ("09:00-10:00", "", "", "break"),
            ("14:00-15:00", "", "", "break"),
            ("", "08:00-09:01", "", "pre"),
            ("", "", "14:59-16:00", "post"),
        ] {
            assert!(hours(pause, pre, post).is_some_and(|wrong| wrong.contains(said)), "{said}");
        }
    }
}
