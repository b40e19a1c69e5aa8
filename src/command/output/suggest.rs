//! Suggestions for a mistyped name.

/// Maximum number of suggestions.
const NAMED_MAX: usize = 5;
/// Maximum number of changed letters of a similar name.
const CHANGES_MAX: usize = 2;

/// The known names most similar to `wanted`, best first.
pub fn suggest(wanted: &str, known: &[String]) -> Vec<String> {
    let wanted = wanted.to_lowercase();
    let score = |symbol: &String| {
        let symbol = symbol.to_lowercase();
        // `AAPL` suggests `US:AAPL`, and `BINANCE:BTC` suggests `BINANCE:BTCUSDT`.
        let part = if wanted.is_empty() || !symbol.contains(&wanted) { usize::MAX } else { 1 };
        changes(&wanted, &symbol).min(part).min(changes_of_name(&wanted, &symbol))
    };
    let mut all: Vec<_> = known.iter().map(|symbol| (score(symbol), symbol)).collect();
    all.retain(|(changes, _)| *changes <= CHANGES_MAX);
    all.sort();
    all.into_iter().take(NAMED_MAX).map(|(_, symbol)| symbol.clone()).collect()
}

/// Changes between the names after the exchange, when only one of the two has an exchange; one more for that.
fn changes_of_name(wanted: &str, symbol: &str) -> usize {
    match (wanted.split_once(':'), symbol.split_once(':')) {
        (None, Some((_, name))) if wanted.len() > CHANGES_MAX => changes(wanted, name) + 1,
        _ => usize::MAX,
    }
}

/// Letters to insert, remove or replace to get from one text to the other (Levenshtein).
fn changes(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_suggested() {
        let known = ["BINANCE:BTCUSDT", "BINANCE:ETHUSDT", "US:AAPL", "US:IBM"].map(String::from);
        for (wanted, meant) in [
            ("binance:btcusdt", vec!["BINANCE:BTCUSDT", "BINANCE:ETHUSDT"]),
            ("AAPL", vec!["US:AAPL"]),
            ("AAPPL", vec!["US:AAPL"]),
            ("US:IMB", vec!["US:IBM"]),
            ("usdt", vec!["BINANCE:BTCUSDT", "BINANCE:ETHUSDT"]),
            ("KRAKEN:XMR", vec![]),
        ] {
            assert_eq!(suggest(wanted, &known), meant, "{wanted}");
        }
        assert_eq!(changes("kitten", "sitting"), 3);
        assert_eq!(changes("", "abc"), 3);
    }
}
