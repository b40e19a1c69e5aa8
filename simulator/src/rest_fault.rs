//! Faults of the REST interface, and changes of its symbol lists.

use std::str::FromStr;

/// REST faults. Those with a count of calls occur one kind after the other, in the order of the fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestFaults {
    /// Number of calls answered with 429, whose window ends a second later.
    pub too_many: u64,
    /// Number of calls answered with 500.
    pub server_error: u64,
    /// Number of responses cut off in the middle.
    pub cut: u64,
    /// 403 for stock exchanges outside of the United States, as on a small plan.
    pub forbidden: bool,
    /// Invalid elements in the list of the United States.
    pub malformed: bool,
    /// Number of stocks missing at the end of the list of the United States.
    pub delisted: usize,
    /// Number of stocks before them with a new symbol and the old FIGI.
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

/// Outcome of a REST call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The regular response.
    Success,
    /// Status 429.
    TooMany,
    /// Status 500.
    ServerError,
    /// Half a response.
    Cut,
}

impl RestFaults {
    /// Combines the faults of several arguments.
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

    /// Outcome of a call by its number, counted from 0.
    pub fn outcome(&self, call: u64) -> Outcome {
        let after_too_many = self.too_many;
        let after_errors = after_too_many.saturating_add(self.server_error);
        match call {
            call if call < after_too_many => Outcome::TooMany,
            call if call < after_errors => Outcome::ServerError,
            call if call < after_errors.saturating_add(self.cut) => Outcome::Cut,
            _ => Outcome::Success,
        }
    }
}

impl FromStr for RestFault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.parse::<u32>().map_err(|_| format!("invalid number {text:?}"));
        match text.split_once('=') {
            Some(("too-many", count)) => Ok(Self::TooMany(number(count)?.into())),
            Some(("server-error", count)) => Ok(Self::ServerError(number(count)?.into())),
            Some(("cut", count)) => Ok(Self::Cut(number(count)?.into())),
            Some(("delisted", count)) => Ok(Self::Delisted(number(count)? as usize)),
            Some(("renamed", count)) => Ok(Self::Renamed(number(count)? as usize)),
            None if text == "forbidden" => Ok(Self::Forbidden),
            None if text == "malformed" => Ok(Self::Malformed),
            _ => {
                Err("expected too-many=3, server-error=3, cut=3, forbidden, malformed, delisted=3 or renamed=3"
                    .to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_parse_and_occur_in_order() {
        let read = |texts: &[&str]| RestFaults::of(&texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>());
        let faults = read(&["cut=1", "too-many=2", "server-error=1", "forbidden", "renamed=4"]);
        assert_eq!((faults.forbidden, faults.malformed, faults.renamed, faults.delisted), (true, false, 4, 0));
        let outcomes: Vec<_> = (0..5).map(|call| faults.outcome(call)).collect();
        let (too_many, success) = (Outcome::TooMany, Outcome::Success);
        assert_eq!(outcomes, [too_many, too_many, Outcome::ServerError, Outcome::Cut, success]);
        for bad in ["", "cut", "cut=", "cut=-1", "forbidden=1", "delisted=x"] {
            assert!(bad.parse::<RestFault>().is_err(), "{bad}");
        }
    }
}
