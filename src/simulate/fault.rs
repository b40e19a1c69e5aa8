//! Faults that the simulator shows on request, each one that the real feed has been seen to have.

use std::str::FromStr;
use std::time::Duration;

/// What goes wrong on request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Every connection is cut, without a closing handshake, after this long.
    pub disconnect_every: Option<Duration>,
    /// A connection falls silent after this long, and stays open.
    pub stall_after: Option<Duration>,
    /// Frames hold malformed elements beside good ones.
    pub malformed: bool,
    /// A second connection under the same key drops both, not only the older one.
    pub kick_both: bool,
}

impl Faults {
    /// Joins the faults of several arguments.
    pub fn of(faults: &[Fault]) -> Self {
        faults.iter().fold(Self::default(), |mut all, fault| {
            match *fault {
                Fault::DisconnectEvery(after) => all.disconnect_every = Some(after),
                Fault::StallAfter(after) => all.stall_after = Some(after),
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
    /// `stall-after=30s`
    StallAfter(Duration),
    /// `malformed`
    Malformed,
    /// `kick-both`
    KickBoth,
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some(("disconnect-every", span)) => parse_span(span).map(Self::DisconnectEvery),
            Some(("stall-after", span)) => parse_span(span).map(Self::StallAfter),
            None if text == "malformed" => Ok(Self::Malformed),
            None if text == "kick-both" => Ok(Self::KickBoth),
            _ => Err("write disconnect-every=30s, stall-after=30s, malformed or kick-both".to_owned()),
        }
    }
}

/// Reads `250ms`, `30s` or `5m`.
fn parse_span(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| format!("{text:?} is no time span: write 250ms, 30s or 5m"))?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        _ => Err(format!("{text:?} is no time span: write 250ms, 30s or 5m")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_from_their_text() {
        assert_eq!("disconnect-every=30s".parse(), Ok(Fault::DisconnectEvery(Duration::from_secs(30))));
        assert_eq!("stall-after=250ms".parse(), Ok(Fault::StallAfter(Duration::from_millis(250))));
        for bad in ["", "stall-after", "stall-after=", "stall-after=5h", "kick-both=1", "disconnect-every=-1s"] {
            assert!(bad.parse::<Fault>().is_err(), "{bad}");
        }
    }
}
