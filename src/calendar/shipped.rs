//! The calendars that come with the program: `calendars/`.

use super::error::CalendarError;
use super::file::File;
use super::{Calendar, has};

/// Names and texts of the files.
const FILES: [(&str, &str); 9] = [
    ("XNYS.toml", include_str!("../../calendars/XNYS.toml")),
    ("XLON.toml", include_str!("../../calendars/XLON.toml")),
    ("XETR.toml", include_str!("../../calendars/XETR.toml")),
    ("XPAR.toml", include_str!("../../calendars/XPAR.toml")),
    ("XTSE.toml", include_str!("../../calendars/XTSE.toml")),
    ("XTKS.toml", include_str!("../../calendars/XTKS.toml")),
    ("XHKG.toml", include_str!("../../calendars/XHKG.toml")),
    ("forex.toml", include_str!("../../calendars/forex.toml")),
    ("crypto.toml", include_str!("../../calendars/crypto.toml")),
];

/// All of them.
pub fn all() -> Result<Vec<Calendar>, CalendarError> {
    FILES.into_iter().map(|(file, text)| Calendar::from_toml(file, text)).collect()
}

/// The codes of all markets, in the order of the files.
pub fn mics() -> Result<Vec<String>, CalendarError> {
    let mics = |(file, text)| Ok(File::parse(file, text)?.mics().to_vec());
    let all: Vec<_> = FILES.into_iter().map(mics).collect::<Result<_, _>>()?;
    Ok(all.concat())
}

/// The calendar of a market, by its code in any case. Only this one's days are computed.
pub fn of_mic(mic: &str) -> Result<Option<Calendar>, CalendarError> {
    for (file, text) in FILES {
        let file = File::parse(file, text)?;
        if has(file.mics(), mic) {
            return file.calendar().map(Some);
        }
    }
    Ok(None)
}
