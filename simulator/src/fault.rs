//! Faults of the feed, each of which was seen on the real one.

use std::str::FromStr;
use std::time::Duration;

/// Feed faults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Every connection is cut, without a closing handshake, after this long.
    pub disconnect_every: Option<Duration>,
    /// Every connection is closed, with a closing handshake, after this long.
    pub close_every: Option<Duration>,
    /// Every connection is reset after this long, and data in flight is lost.
    pub reset_every: Option<Duration>,
    /// Every connection becomes silent after this long, and stays open.
    pub stall_after: Option<Duration>,
    /// Every connection sends only pings after this long, and answers those of the client: a quiet market.
    pub only_pings_after: Option<Duration>,
    /// Every connection sends only pings after this long, and reads nothing: what a dead feed behind a living server
    /// looks like.
    pub deaf_after: Option<Duration>,
    /// Attempts to connect that are answered with this HTTP status.
    pub refuse: Option<(u16, Times)>,
    /// Delay of attempts to connect.
    pub slow_accept: Option<(Duration, Times)>,
    /// Connections that are closed at once.
    pub flap: Times,
    /// Additional copies of each frame of trades.
    pub copies: u32,
    /// Length in bytes to which the very first frame of trades is padded.
    pub frame_bytes: Option<usize>,
    /// Malformed elements among the good ones.
    pub malformed: bool,
    /// A second connection with the same API token drops both, not only the older one.
    pub kick_both: bool,
}

/// Number of times that a fault occurs, counted from the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times(pub u64);

impl Times {
    /// Always.
    pub const ALWAYS: Self = Self(u64::MAX);

    /// Whether the occurrence with this number, counted from 0, is a fault.
    pub fn includes(self, before: u64) -> bool {
        before < self.0
    }
}

impl Faults {
    /// Combines the faults of several arguments.
    pub fn of(faults: &[Fault]) -> Self {
        faults.iter().fold(Self::default(), |mut all, fault| {
            match *fault {
                Fault::DisconnectEvery(after) => all.disconnect_every = Some(after),
                Fault::CloseEvery(after) => all.close_every = Some(after),
                Fault::ResetEvery(after) => all.reset_every = Some(after),
                Fault::StallAfter(after) => all.stall_after = Some(after),
                Fault::OnlyPingsAfter(after) => all.only_pings_after = Some(after),
                Fault::DeafAfter(after) => all.deaf_after = Some(after),
                Fault::Refuse(status, times) => all.refuse = Some((status, times)),
                Fault::SlowAccept(span, times) => all.slow_accept = Some((span, times)),
                Fault::Flap(times) => all.flap = times,
                Fault::Copies(copies) => all.copies = copies,
                Fault::FrameBytes(bytes) => all.frame_bytes = Some(bytes),
                Fault::Malformed => all.malformed = true,
                Fault::KickBoth => all.kick_both = true,
            }
            all
        })
    }
}

/// One `--fault` argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `disconnect-every=30s`
    DisconnectEvery(Duration),
    /// `close-every=30s`
    CloseEvery(Duration),
    /// `reset-every=30s`
    ResetEvery(Duration),
    /// `stall-after=30s`
    StallAfter(Duration),
    /// `only-pings-after=30s`
    OnlyPingsAfter(Duration),
    /// `deaf-after=30s`
    DeafAfter(Duration),
    /// `refuse=429` or `refuse=500x3`
    Refuse(u16, Times),
    /// `slow-accept=2s` or `slow-accept=2sx3`
    SlowAccept(Duration, Times),
    /// `flap=3`
    Flap(Times),
    /// `copies=2`
    Copies(u32),
    /// `frame-bytes=1048576`
    FrameBytes(usize),
    /// `malformed`
    Malformed,
    /// `kick-both`
    KickBoth,
}

/// Values of `--fault`.
pub const FORMS: &str = "disconnect-every=30s, close-every=30s, reset-every=30s, stall-after=30s, \
    only-pings-after=30s, deaf-after=30s, refuse=500x3, slow-accept=2sx3, flap=3, copies=2, \
    frame-bytes=1048576, malformed, kick-both";

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("expected one of {FORMS}");
        let number = |text: &str| text.parse::<u32>().map_err(|_| wrong());
        let Some((name, value)) = text.split_once('=') else {
            return match text {
                "malformed" => Ok(Self::Malformed),
                "kick-both" => Ok(Self::KickBoth),
                _ => Err(wrong()),
            };
        };
        match name {
            "disconnect-every" => parse_span(value).map(Self::DisconnectEvery),
            "close-every" => parse_span(value).map(Self::CloseEvery),
            "reset-every" => parse_span(value).map(Self::ResetEvery),
            "stall-after" => parse_span(value).map(Self::StallAfter),
            "only-pings-after" => parse_span(value).map(Self::OnlyPingsAfter),
            "deaf-after" => parse_span(value).map(Self::DeafAfter),
            "refuse" => {
                let (status, times) = parse_times(value)?;
                let status = status.parse().ok().filter(|status| (400..600).contains(status));
                status.map(|status| Self::Refuse(status, times)).ok_or_else(wrong)
            }
            "slow-accept" => {
                let (span, times) = parse_times(value)?;
                Ok(Self::SlowAccept(parse_span(span)?, times))
            }
            "flap" => number(value).map(|times| Self::Flap(Times(u64::from(times)))),
            "copies" => number(value).map(Self::Copies),
            "frame-bytes" => number(value).map(|bytes| Self::FrameBytes(bytes as usize)),
            _ => Err(wrong()),
        }
    }
}

/// Splits `500x3` into `500` and three times; without an `x`, always.
fn parse_times(text: &str) -> Result<(&str, Times), String> {
    match text.split_once('x') {
        None => Ok((text, Times::ALWAYS)),
        Some((value, times)) => {
            let times =
                times.parse().map_err(|_| format!("invalid count in {text:?}: expected a number after the x"))?;
            Ok((value, Times(times)))
        }
    }
}

/// Parses `250ms`, `30s` or `5m`.
fn parse_span(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 =
        number.parse().map_err(|_| format!("invalid duration {text:?}: expected e.g. 250ms, 30s or 5m"))?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        _ => Err(format!("invalid duration {text:?}: expected e.g. 250ms, 30s or 5m")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_parsed() {
        assert_eq!("disconnect-every=30s".parse(), Ok(Fault::DisconnectEvery(Duration::from_secs(30))));
        assert_eq!("stall-after=250ms".parse(), Ok(Fault::StallAfter(Duration::from_millis(250))));
        assert_eq!("refuse=500x3".parse(), Ok(Fault::Refuse(500, Times(3))));
        assert_eq!("slow-accept=2s".parse(), Ok(Fault::SlowAccept(Duration::from_secs(2), Times::ALWAYS)));
        for form in FORMS.split(", ") {
            assert!(form.trim().parse::<Fault>().is_ok(), "{form}");
        }
        for bad in [
            "refuse=200",
            "refuse=500x",
            "flap=",
            "copies=many",
            "",
            "stall-after",
            "stall-after=",
            "stall-after=5h",
            "kick-both=1",
            "disconnect-every=-1s",
        ] {
            assert!(bad.parse::<Fault>().is_err(), "{bad}");
        }
    }
}
