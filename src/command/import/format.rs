//! Options that say how files are to be understood.

use clap::Args as ClapArgs;
use jiff::tz::TimeZone;

use crate::import::event_time::TimeUnit;
use crate::import::fields::Field;
use crate::import::options::ReadOptions;
use crate::import::preset::Preset;

/// Options of the format of files.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct FormatArgs {
    /// Format of a publisher: binance-trades, binance-aggtrades, kraken, bitstamp, coinbase, polygon, alpaca,
    /// databento-csv, lean, tardis-trades
    #[arg(long, value_name = "NAME", value_parser = Preset::from_name)]
    pub from: Option<&'static Preset>,
    /// Names of columns or keys: time=T,price=P,volume=Q,symbol=S (also conditions, id)
    #[arg(long, value_name = "FIELD=NAME", value_delimiter = ',', value_parser = column)]
    pub columns: Vec<(Field, String)>,
    /// Symbol of trades that name none
    #[arg(long, value_name = "S")]
    pub symbol: Option<String>,
    /// Unit of times that are not in milliseconds: s, ms, us, ns, or iso for dates
    #[arg(long, value_name = "UNIT", value_parser = TimeUnit::from_name)]
    pub time_unit: Option<TimeUnit>,
    /// Zone of dates without one, such as America/New_York
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    pub time_zone: Option<TimeZone>,
}

impl FormatArgs {
    /// The options of reading.
    pub fn options(&self, keep_order: bool) -> ReadOptions {
        ReadOptions {
            keep_order,
            columns: self.columns.clone(),
            symbol: self.symbol.clone(),
            time_unit: self.time_unit,
            time_zone: self.time_zone.clone(),
            preset: self.from,
        }
    }
}

fn column(text: &str) -> Result<(Field, String), String> {
    let found = text.split_once('=').filter(|(_, name)| !name.is_empty()).and_then(|(field, name)| {
        let field = Field::ALL.into_iter().find(|known| known.name() == field)?;
        Some((field, name.to_owned()))
    });
    let fields = Field::ALL.map(Field::name).join(", ");
    found.ok_or_else(|| format!("invalid column {text:?}: expected FIELD=NAME with one of {fields}"))
}

fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("unknown time zone {name:?}: expected e.g. UTC or America/New_York"))
}
