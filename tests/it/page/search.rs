//! Search-as-you-type over thirty thousand symbols: every key is answered, and with the right symbol first. Its times
//! are printed and no rule, since they depend on what else the machine does.

use crate::page::scene::serve;
use crate::page::script::Script;
use crate::shared::process::Home;

const SYMBOLS: u64 = 30_000;

#[test]
fn search_finds_one_of_thirty_thousand_symbols() {
    let home = Home::new();
    let trade = |at: u64| {
        format!("{{\"s\":\"SYM{at:05}\",\"p\":{}.5,\"v\":1,\"t\":{}}}\n", at % 90 + 10, 1_700_000_000_000 + at)
    };
    home.write("trades.jsonl", (0..SYMBOLS).map(trade).collect::<String>());
    home.ok("import trades.jsonl --log dir:log");
    home.ok("work --log dir:log --store sqlite:rows.db --until-end");
    let (_dashboard, address) = serve(&home);
    let mut script = Script::start("search", &address);
    let mut took: Vec<f64> = script.report().as_array().unwrap().iter().map(|ms| ms.as_f64().unwrap()).collect();
    script.end();
    took.sort_by(f64::total_cmp);
    assert!(took.len() > 20, "{took:?}");
    println!(
        "a key among {SYMBOLS} symbols: median {:.1} ms, most {:.1} ms",
        took[took.len() / 2],
        took[took.len() - 1]
    );
}
