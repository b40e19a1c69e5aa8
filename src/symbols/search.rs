//! Symbol search: the ranking that the command line and the page share.

/// A symbol's texts in lower case, prepared for many searches.
#[derive(Clone, Debug)]
pub struct Searched {
    symbol: String,
    display_symbol: String,
    name: String,
}

impl Searched {
    /// Prepares a symbol, its display form and its name; unknown texts are empty.
    pub fn new(symbol: &str, display_symbol: &str, name: &str) -> Self {
        let [symbol, display_symbol, name] = [symbol, display_symbol, name].map(str::to_lowercase);
        Self { symbol, display_symbol, name }
    }

    /// Rank of the match with a text in lower case; `None` if there is none.
    pub fn rank(&self, text: &str) -> Option<u8> {
        rank(&self.symbol, &self.display_symbol, &self.name, text)
    }
}

/// Rank of the match of texts in lower case with another: 0 equals the symbol (with or without its exchange), 1 the
/// symbol starts with it, 2 a word of the name starts with it, 3 symbol or name contain it; `None` no match.
pub fn rank(symbol: &str, display_symbol: &str, name: &str, text: &str) -> Option<u8> {
    let after_exchange = symbol.split_once(':').map_or("", |(_, symbol)| symbol);
    let symbols = [symbol, after_exchange, display_symbol];
    if symbols.contains(&text) {
        Some(0)
    } else if symbols.iter().any(|symbol| symbol.starts_with(text)) {
        Some(1)
    } else {
        let mut found = name.match_indices(text).map(|(at, _)| at).peekable();
        let is_somewhere = found.peek().is_some() || symbols.iter().any(|symbol| symbol.contains(text));
        let begins_word = |at: usize| !name[..at].ends_with(char::is_alphanumeric);
        is_somewhere.then(|| if found.any(begins_word) { 2 } else { 3 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_rank_above_names_and_prefixes_first() {
        let bitcoin = Searched::new("BINANCE:BTCUSDT", "BTC/USDT", "Binance BTCUSDT");
        let apple = Searched::new("AAPL", "AAPL", "APPLE INC");
        let snapple = Searched::new("SNAP", "SNAP", "SNAPPLE GROUP-ÉTÉ");
        let ranks = |text: &str| [&bitcoin, &apple, &snapple].map(|one| one.rank(text));
        assert_eq!(ranks("aapl"), [None, Some(0), None]);
        assert_eq!(ranks("btcusdt"), [Some(0), None, None]);
        assert_eq!(ranks("btc"), [Some(1), None, None]);
        assert_eq!(ranks("btc/u"), [Some(1), None, None]);
        assert_eq!(ranks("binance"), [Some(1), None, None]);
        assert_eq!(ranks("inc"), [None, Some(2), None]);
        assert_eq!(ranks("apple"), [None, Some(2), Some(3)]);
        assert_eq!(ranks("nap"), [None, None, Some(3)]);
        assert_eq!(ranks("été"), [None, None, Some(2)]);
        assert_eq!(ranks("usd"), [Some(3), None, None]);
    }
}
