//! How inputs are to be understood.

use jiff::tz::TimeZone;

use super::event_time::{TimeRule, TimeUnit};
use super::fields::Field;
use super::preset::{FileName, Preset};

/// Options of reading.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// Keep the order of files and lines instead of sorting by event time.
    pub keep_order: bool,
    /// Names of columns or keys.
    pub columns: Vec<(Field, String)>,
    /// Symbol of trades that have none.
    pub symbol: Option<String>,
    /// Unit of times.
    pub time_unit: Option<TimeUnit>,
    /// Zone of times without one.
    pub time_zone: Option<TimeZone>,
    /// Format of a publisher.
    pub preset: Option<&'static Preset>,
}

impl ReadOptions {
    /// Whether Finnhub's own trades are to be read in another way than Tickline would.
    pub fn is_other_shape(&self) -> bool {
        let other_unit = self.time_unit.is_some_and(|unit| unit != TimeUnit::Millis);
        other_unit || !self.columns.is_empty() || self.preset.is_some()
    }

    /// How the times of an input are read.
    pub fn time_rule(&self, name: &str) -> TimeRule {
        let day = self.preset.and_then(|preset| preset.file_name.day(name));
        let unit = self.time_unit.or(self.preset.map(|preset| preset.unit));
        // LEAN's data of US stocks is in New York's time.
        let lean = || TimeZone::get("America/New_York").ok().filter(|_| day.is_some());
        TimeRule { unit, zone: self.time_zone.clone().or_else(lean), day }
    }

    /// The symbol of an input's trades that have none.
    pub fn symbol(&self, name: &str) -> Option<String> {
        let of_name = || self.preset.map_or(FileName::Any, |preset| preset.file_name).symbol(name);
        self.symbol.clone().or_else(of_name)
    }

    /// The names to look for, in order of preference.
    pub fn names(&self, field: Field) -> Vec<&str> {
        let given = self.columns.iter().filter(|(known, _)| *known == field).map(|(_, name)| &**name);
        let of_preset = self.preset.iter().flat_map(|preset| preset.fields);
        let of_preset = of_preset.filter(|(known, _)| *known == field).map(|(_, name)| *name);
        let named: Vec<_> = given.chain(of_preset).collect();
        match self.preset {
            None if named.is_empty() => field.usual_names().to_vec(),
            // A preset says all there is: Alpaca's `s` is not a symbol.
            _ => named,
        }
    }

    /// Digits that a price has after its point although it is written without.
    pub fn price_places(&self, price: &str) -> usize {
        self.preset.map_or(0, |preset| preset.price_places).min(if price.contains('.') { 0 } else { usize::MAX })
    }
}
