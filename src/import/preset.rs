//! Formats of known publishers: names, positions and units of their columns, from their own documents.

use super::event_time::TimeUnit;
use super::fields::Field;

/// A publisher's format of trades.
#[derive(Debug)]
pub struct Preset {
    /// Name as an option's value.
    pub name: &'static str,
    /// Its columns, for files without a header; empty if there always is one.
    pub columns: &'static [&'static str],
    /// The columns that are used.
    pub fields: &'static [(Field, &'static str)],
    /// Unit of the time.
    pub unit: TimeUnit,
    /// How a file's name gives what the file lacks.
    pub file_name: FileName,
    /// Digits that an integer price has after its point.
    pub price_places: usize,
}

/// Symbol and date in a file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileName {
    /// Nothing.
    Any,
    /// The symbol is what precedes `-trades-` or `-aggTrades-`; the exchange is prefixed.
    Binance,
    /// The symbol is the name without its extension; the exchange is prefixed.
    Kraken,
    /// `DAY_SYMBOL_...`: times are milliseconds since New York's midnight of that day.
    Lean,
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 10] = [
        // https://github.com/binance/binance-public-data: "trades"; microseconds for spot from 2025-01-01 on.
        Self {
            name: "binance-trades",
            columns: &["id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match"],
            fields: &[(Field::Id, "id"), (Field::Price, "price"), (Field::Volume, "qty"), (Field::Time, "time")],
            unit: TimeUnit::MillisOrMicros,
            file_name: FileName::Binance,
            price_places: 0,
        },
        // https://github.com/binance/binance-public-data: "aggTrades".
        Self {
            name: "binance-aggtrades",
            columns: &[
                "agg_trade_id",
                "price",
                "quantity",
                "first_trade_id",
                "last_trade_id",
                "transact_time",
                "is_buyer_maker",
                "is_best_match",
            ],
            fields: &[
                (Field::Id, "agg_trade_id"),
                (Field::Price, "price"),
                (Field::Volume, "quantity"),
                (Field::Time, "transact_time"),
            ],
            unit: TimeUnit::MillisOrMicros,
            file_name: FileName::Binance,
            price_places: 0,
        },
        // https://support.kraken.com/articles/360047543791: time and sales, without a header.
        Self {
            name: "kraken",
            columns: &["timestamp", "price", "volume"],
            fields: &[(Field::Time, "timestamp"), (Field::Price, "price"), (Field::Volume, "volume")],
            unit: TimeUnit::Seconds,
            file_name: FileName::Kraken,
            price_places: 0,
        },
        // https://www.bitstamp.net/api/#tag/Transactions-public: newest first.
        Self {
            name: "bitstamp",
            columns: &[],
            fields: &[(Field::Time, "date"), (Field::Id, "tid"), (Field::Price, "price"), (Field::Volume, "amount")],
            unit: TimeUnit::Seconds,
            file_name: FileName::Any,
            price_places: 0,
        },
        // https://docs.cdp.coinbase.com/exchange/reference/exchangerestapi_getproducttrades: newest first.
        Self {
            name: "coinbase",
            columns: &[],
            fields: &[
                (Field::Time, "time"),
                (Field::Id, "trade_id"),
                (Field::Price, "price"),
                (Field::Volume, "size"),
                (Field::Symbol, "product_id"),
            ],
            unit: TimeUnit::Iso,
            file_name: FileName::Any,
            price_places: 0,
        },
        // https://polygon.io/flat-files/stocks-trades, and `results` of https://polygon.io/docs/stocks (v3/trades).
        Self {
            name: "polygon",
            columns: &[],
            fields: &[
                (Field::Symbol, "ticker"),
                (Field::Conditions, "conditions"),
                (Field::Id, "id"),
                (Field::Price, "price"),
                (Field::Time, "sip_timestamp"),
                (Field::Volume, "size"),
            ],
            unit: TimeUnit::Nanos,
            file_name: FileName::Any,
            price_places: 0,
        },
        // https://docs.alpaca.markets/reference/stocktrades: `trades` of one symbol, or by symbol; `S` in streams.
        Self {
            name: "alpaca",
            columns: &[],
            fields: &[
                (Field::Time, "t"),
                (Field::Price, "p"),
                (Field::Volume, "s"),
                (Field::Conditions, "c"),
                (Field::Id, "i"),
                (Field::Symbol, "S"),
            ],
            unit: TimeUnit::Iso,
            file_name: FileName::Any,
            price_places: 0,
        },
        // https://databento.com/docs/schemas/trades: prices in 10^-9 unless they are written with a point.
        Self {
            name: "databento-csv",
            columns: &[],
            fields: &[
                (Field::Time, "ts_event"),
                (Field::Price, "price"),
                (Field::Volume, "size"),
                (Field::Symbol, "symbol"),
            ],
            unit: TimeUnit::NanosOrIso,
            file_name: FileName::Any,
            price_places: 9,
        },
        // https://www.quantconnect.com/docs/v2/lean-engine/data-format/us-equity: ticks; prices in 10^-4.
        Self {
            name: "lean",
            columns: &["time", "price", "quantity", "exchange", "condition", "suspicious"],
            fields: &[
                (Field::Time, "time"),
                (Field::Price, "price"),
                (Field::Volume, "quantity"),
                (Field::Conditions, "condition"),
            ],
            unit: TimeUnit::Millis,
            file_name: FileName::Lean,
            price_places: 4,
        },
        // https://docs.tardis.dev/downloadable-csv-files: "trades".
        Self {
            name: "tardis-trades",
            columns: &[],
            fields: &[
                (Field::Symbol, "symbol"),
                (Field::Time, "timestamp"),
                (Field::Id, "id"),
                (Field::Price, "price"),
                (Field::Volume, "amount"),
            ],
            unit: TimeUnit::Micros,
            file_name: FileName::Any,
            price_places: 0,
        },
    ];

    /// The preset of this name, as an option's value.
    pub fn from_name(name: &str) -> Result<&'static Self, String> {
        const ALL: &[Preset] = &Preset::ALL;
        let names = || ALL.iter().map(|preset| preset.name).collect::<Vec<_>>().join(", ");
        ALL.iter()
            .find(|preset| preset.name == name)
            .ok_or_else(|| format!("unknown format {name:?}: expected {}", names()))
    }
}

impl FileName {
    /// The symbol that a name like `BTCUSDT-trades-2024-06-03.csv` shows.
    pub fn symbol(self, path: &str) -> Option<String> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let stem = name.split('.').next().unwrap_or(name);
        let symbol = match self {
            Self::Any => None,
            Self::Binance => {
                let cut = stem.split_once("-trades").or_else(|| stem.split_once("-aggTrades"));
                cut.map(|(symbol, _)| format!("BINANCE:{symbol}"))
            }
            Self::Kraken => Some(format!("KRAKEN:{stem}")),
            Self::Lean => stem.split('_').nth(1).map(str::to_uppercase),
        };
        symbol.filter(|symbol| !symbol.ends_with(':') && !symbol.is_empty())
    }

    /// The day that a name like `20131007_spy_tick_trade.csv` shows.
    pub fn day(self, path: &str) -> Option<jiff::civil::Date> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let digits = name.get(..8).filter(|_| self == Self::Lean)?;
        jiff::civil::Date::strptime("%Y%m%d", digits).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_tell_symbols() {
        for (kind, path, symbol) in [
            (
                FileName::Binance,
                "a/BTCUSDT-trades-2024-06-03.zip/BTCUSDT-trades-2024-06-03.csv",
                Some("BINANCE:BTCUSDT"),
            ),
            (FileName::Binance, "BTCUSDT-aggTrades-2024-06.csv", Some("BINANCE:BTCUSDT")),
            (FileName::Binance, "trades.csv", None),
            (FileName::Kraken, "Kraken_Trading_History.zip/XBTUSD.csv", Some("KRAKEN:XBTUSD")),
            (FileName::Lean, "20131007_trade.zip/20131007_spy_Trade_Tick.csv", Some("SPY")),
            (FileName::Any, "AAPL.csv", None),
        ] {
            assert_eq!(kind.symbol(path).as_deref(), symbol, "{path}");
        }
        let day = FileName::Lean.day("x/20131007_spy_tick_trade.csv").unwrap();
        assert_eq!((day.year(), day.month(), day.day()), (2013, 10, 7));
        assert_eq!(FileName::Lean.day("spy.csv"), None);
    }

    #[test]
    fn presets_have_their_own_names() {
        for preset in &Preset::ALL {
            assert_eq!(Preset::from_name(preset.name).unwrap().fields, preset.fields);
            let has = |field| preset.fields.iter().any(|(known, _)| *known == field);
            assert!(has(Field::Time) && has(Field::Price) && has(Field::Volume), "{}", preset.name);
        }
        assert!(Preset::from_name("x").unwrap_err().contains("tardis-trades"));
    }
}
