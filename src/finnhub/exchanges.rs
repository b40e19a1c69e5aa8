//! Stock exchanges that Finnhub documents, as data, since no endpoint lists them.

use serde::Deserialize;

const BUILT_IN: &str = include_str!("exchanges.toml");

/// One stock exchange.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StockExchange {
    /// Value of `exchange=`.
    pub code: String,
    /// Display name.
    pub name: String,
    /// ISO 10383; empty where the code stands for several markets.
    pub mic: String,
    /// ISO 4217; empty where none is usual.
    pub currency: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    exchange: Vec<StockExchange>,
}

/// All stock exchanges, ascending by code.
pub fn stock_exchanges() -> Vec<StockExchange> {
    // The file is compiled in and a test parses it, so the default is never used.
    toml::from_str::<Table>(BUILT_IN).map(|table| table.exchange).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_valid() {
        let table = toml::from_str::<Table>(BUILT_IN).unwrap().exchange;
        assert_eq!(table, stock_exchanges());
        assert!(table.len() > 80, "{}", table.len());
        assert!(table.windows(2).all(|pair| pair[0].code < pair[1].code), "ascending, each once");
        for StockExchange { code, name, mic, currency } in &table {
            let upper = |text: &str| text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
            assert!(upper(code) && (1..=3).contains(&code.len()) && !name.is_empty(), "{code}");
            assert!(upper(mic) && [0, 4].contains(&mic.len()), "{code}: {mic}");
            assert!(upper(currency) && [0, 3].contains(&currency.len()), "{code}: {currency}");
        }
    }
}
