//! What goes wrong with REST calls on request, and what happens to the lists between two days.

use std::str::FromStr;

/// What goes wrong on request. The counted ones come one kind after the other, in the order of the fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestFaults {
    /// So many calls are answered with 429, whose window ends a second later.
    pub too_many: u64,
    /// Then so many with 500.
    pub server_error: u64,
    /// Then so many answers end in their middle.
    pub cut: u64,
    /// Stock exchanges outside of the United States are answered with 403, as a small plan's key gets it.
    pub forbidden: bool,
    /// The list of the United States holds elements that are none.
    pub malformed: bool,
    /// So many stocks at the end of the list of the United States are gone.
    pub delisted: usize,
    /// So many before them have another symbol, under the FIGI that they had.
    pub renamed: usize,
}

/// One `--rest-fault` argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestFault {
    /// `too-many=3`
    TooMany(u64),
    /// `server-error=3`
    ServerError(u64),
    /// `cut=3`
    Cut(u64),
    /// `forbidden`
    Forbidden,
    /// `malformed`
    Malformed,
    /// `delisted=3`
    Delisted(usize),
    /// `renamed=3`
    Renamed(usize),
}

/// What befalls one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Befalls {
    /// Nothing.
    Nothing,
    /// Status 429.
    TooMany,
    /// Status 500.
    ServerError,
    /// Half an answer.
    Cut,
}

impl RestFaults {
    /// Joins the faults of several arguments.
    pub fn of(faults: &[RestFault]) -> Self {
        faults.iter().fold(Self::default(), |mut all, fault| {
            match *fault {
                RestFault::TooMany(calls) => all.too_many = calls,
                RestFault::ServerError(calls) => all.server_error = calls,
                RestFault::Cut(calls) => all.cut = calls,
                RestFault::Forbidden => all.forbidden = true,
                RestFault::Malformed => all.malformed = true,
                RestFault::Delisted(stocks) => all.delisted = stocks,
                RestFault::Renamed(stocks) => all.renamed = stocks,
            }
            all
        })
    }

    /// What befalls the call with this number, counted from 0.
    pub fn befalls(&self, call: u64) -> Befalls {
        let after_too_many = self.too_many;
        let after_errors = after_too_many.saturating_add(self.server_error);
        match call {
            call if call < after_too_many => Befalls::TooMany,
            call if call < after_errors => Befalls::ServerError,
            call if call < after_errors.saturating_add(self.cut) => Befalls::Cut,
            _ => Befalls::Nothing,
        }
    }
}

impl FromStr for RestFault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.parse::<u32>().map_err(|_| format!("{text:?} is no number"));
        match text.split_once('=') {
            Some(("too-many", count)) => Ok(Self::TooMany(number(count)?.into())),
            Some(("server-error", count)) => Ok(Self::ServerError(number(count)?.into())),
            Some(("cut", count)) => Ok(Self::Cut(number(count)?.into())),
            Some(("delisted", count)) => Ok(Self::Delisted(number(count)? as usize)),
            Some(("renamed", count)) => Ok(Self::Renamed(number(count)? as usize)),
            None if text == "forbidden" => Ok(Self::Forbidden),
            None if text == "malformed" => Ok(Self::Malformed),
            _ => {
                Err("write too-many=3, server-error=3, cut=3, forbidden, malformed, delisted=3 or renamed=3".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_from_their_text_and_come_in_order() {
        let read = |texts: &[&str]| RestFaults::of(&texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>());
        let faults = read(&["cut=1", "too-many=2", "server-error=1", "forbidden", "renamed=4"]);
        assert_eq!((faults.forbidden, faults.malformed, faults.renamed, faults.delisted), (true, false, 4, 0));
        let befalls: Vec<_> = (0..5).map(|call| faults.befalls(call)).collect();
        let (too_many, nothing) = (Befalls::TooMany, Befalls::Nothing);
        assert_eq!(befalls, [too_many, too_many, Befalls::ServerError, Befalls::Cut, nothing]);
        for bad in ["", "cut", "cut=", "cut=-1", "forbidden=1", "delisted=x"] {
            assert!(bad.parse::<RestFault>().is_err(), "{bad}");
        }
    }
}
