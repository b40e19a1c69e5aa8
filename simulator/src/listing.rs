//! Symbol lists of the exchanges. Some stocks are listed abroad as well, with a dot and the exchange's code after the
//! symbol; like most of the real ones, those are not traded on the feed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::instrument::{Class, Instrument};
use super::rest_fault::RestFaults;
use super::universe::Universe;

/// Foreign exchanges: code, market, currency, and n where every n-th stock of the United States is listed.
const ABROAD: [(&str, &str, &str, usize); 4] =
    [("DE", "XETR", "EUR", 2), ("L", "XLON", "GBP", 3), ("T", "XTKS", "JPY", 5), ("TO", "XTSE", "CAD", 7)];

/// Stocks of an exchange; empty for an unknown exchange.
pub(super) fn stocks(universe: &Universe, exchange: &str, faults: &RestFaults) -> Vec<Value> {
    let home = universe.instruments().iter().filter(|i| i.class == Class::Stock);
    match ABROAD.iter().find(|(code, ..)| *code == exchange) {
        Some((code, mic, currency, one_of)) => {
            let listed = home.step_by(*one_of);
            let row = |i: &Instrument| stock(i, &format!("{}.{code}", i.symbol), &i.symbol, mic, currency);
            listed.map(row).collect()
        }
        None if exchange == "US" => home_list(&home.collect::<Vec<_>>(), faults),
        None => Vec::new(),
    }
}

fn home_list(stocks: &[&Instrument], faults: &RestFaults) -> Vec<Value> {
    let listed = &stocks[..stocks.len().saturating_sub(faults.delisted)];
    let (same, renamed) = listed.split_at(listed.len().saturating_sub(faults.renamed));
    let row = |i: &Instrument, symbol: &str| {
        let mic = if i.key.is_multiple_of(2) { "XNAS" } else { "XNYS" };
        stock(i, symbol, symbol, mic, "USD")
    };
    let mut list: Vec<Value> = same.iter().map(|i| row(i, &i.symbol)).collect();
    list.extend(renamed.iter().map(|i| row(i, &format!("{}.NEW", i.symbol))));
    if faults.malformed {
        list.insert(0, json!(7));
        list.insert(list.len() / 2, json!({ "symbol": ["A"], "description": "no text" }));
    }
    list
}

fn stock(stock: &Instrument, symbol: &str, display_symbol: &str, mic: &str, currency: &str) -> Value {
    let figi = |salt: u64| format!("BBG00{:07X}", (stock.key ^ salt) & 0x0fff_ffff);
    let fund = stock.description.contains("TRUST");
    json!({
        "currency": currency, "description": stock.description, "displaySymbol": display_symbol, "figi": figi(0),
        "mic": mic, "shareClassFIGI": figi(1), "symbol": symbol, "symbol2": "",
        "type": if fund { "ETP" } else { "Common Stock" },
    })
}

/// Exchanges of crypto or forex pairs.
pub(super) fn exchanges(universe: &Universe, class: Class) -> BTreeSet<String> {
    let of_class = universe.instruments().iter().filter(|i| i.class == class);
    of_class.map(|i| i.exchange().to_owned()).collect()
}

/// Pairs of a crypto or forex exchange, whose name is not case-sensitive.
pub(super) fn pairs(universe: &Universe, class: Class, exchange: &str) -> Vec<Value> {
    let of_class = universe.instruments().iter().filter(|i| i.class == class);
    let here = of_class.filter(|i| i.exchange().eq_ignore_ascii_case(exchange));
    let row = |pair: &Instrument| {
        let Instrument { description, symbol, .. } = pair;
        json!({ "description": description, "displaySymbol": display(pair), "symbol": symbol })
    };
    here.map(row).collect()
}

/// Display symbol: `LTC/BTC` for `BINANCE:LTCBTC`.
fn display(pair: &Instrument) -> String {
    let name = pair.description.rsplit(' ').next().unwrap_or(&pair.symbol);
    let quote = ["USDT", "USD", "BTC"].into_iter().find(|quote| name.ends_with(quote) && !name.contains(['/', '-']));
    quote
        .and_then(|quote| name.strip_suffix(quote).map(|base| format!("{base}/{quote}")))
        .unwrap_or_else(|| name.to_owned())
}
