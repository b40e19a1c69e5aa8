//! `tickline symbols list` and `search`: shows entries of the symbol table of a store.

use clap::Args as ClapArgs;
use dataflows::symbols::entry::Entry;

use super::filter::Filter;
use crate::command::UsageError;
use crate::command::output::format::{Format, json_array, print};
use crate::command::output::table;
use crate::csv_cell;
use crate::escape::escaped;
use crate::store::address::StoreAddress;
use crate::symbols::search::Searched;
use crate::time::day;

/// Arguments of `tickline symbols list`.
#[derive(Clone, Debug, ClapArgs)]
pub struct ListArgs {
    /// The store to read
    #[arg(long, env = "TICKLINE_STORE", value_name = "STORE")]
    pub store: StoreAddress,
    /// Filters.
    #[command(flatten)]
    pub filter: Filter,
    /// Show only the first N [default: all]
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Output format; `ingest --watchlist` reads csv and plain
    #[arg(long, value_parser = Format::among(&Format::OF_SYMBOLS), default_value = "table")]
    pub format: Format,
}

/// Arguments of `tickline symbols search`.
#[derive(Clone, Debug, ClapArgs)]
pub struct SearchArgs {
    /// Text to search for in symbols and names, in any case
    #[arg(value_name = "TEXT")]
    pub text: String,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its own type says it")]
    pub list: ListArgs,
}

/// Runs `tickline symbols list`.
pub fn run_list(args: &ListArgs) -> anyhow::Result<()> {
    print(&text(args, None)?)
}

/// Runs `tickline symbols search`.
pub fn run_search(args: &SearchArgs) -> anyhow::Result<()> {
    print(&text(&args.list, Some(&args.text))?)
}

/// The output of the commands: ascending by symbol, or with a search text, best match first.
pub fn text(args: &ListArgs, text: Option<&str>) -> anyhow::Result<String> {
    let text = text.map(str::to_lowercase);
    let (mut ranks, mut is_empty) = (Vec::new(), true);
    let found = args.store.open_reader()?.symbols(&mut |entry| {
        is_empty = false;
        let searched = |text: &String| Searched::new(&entry.symbol, &entry.display_symbol, &entry.name).rank(text);
        let rank = text.as_ref().map_or(Some(0), searched).filter(|_| args.filter.takes(entry));
        ranks.extend(rank);
        rank.is_some()
    })?;
    if is_empty {
        let why = format!("no symbols in {}: run `tickline symbols sync` first", args.store);
        return Err(UsageError(why).into());
    }
    // Both are ascending by symbol, and the sort is stable.
    let mut ranked: Vec<_> = ranks.into_iter().zip(found).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    let found: Vec<Entry> = ranked.into_iter().take(args.limit.unwrap_or(usize::MAX)).map(|(_, entry)| entry).collect();
    Ok(match args.format {
        Format::Table | Format::Chart => as_table(&found),
        Format::Csv => as_csv(&found),
        Format::Json => json_array(found.iter().map(serde_json::to_string))?,
        Format::Plain => found.iter().map(|entry| format!("{}\n", escaped(&entry.symbol))).collect(),
    })
}

/// Header of the CSV format.
const CSV_HEADER: &str = "symbol,display_symbol,name,market,exchange,mic,currency,security_type,figi,isin,status,\
                          renamed_to,first_seen_ms,last_seen_ms,as_of_ms\n";

fn as_csv(entries: &[Entry]) -> String {
    let mut text = CSV_HEADER.to_string();
    for e in entries {
        let (market, status) = (e.market.name(), e.status.name());
        let texts = [
            &*e.symbol,
            &e.display_symbol,
            &e.name,
            market,
            &e.exchange,
            &e.mic,
            &e.currency,
            &e.security_type,
            &e.figi,
            &e.isin,
            status,
            &e.renamed_to,
        ];
        let times = [e.first_seen_ms, e.last_seen_ms, e.as_of_ms].map(|ms| ms.to_string());
        let fields: Vec<String> = texts.into_iter().map(csv_cell::cell).chain(times).collect();
        text += &fields.join(",");
        text.push('\n');
    }
    text
}

fn as_table(entries: &[Entry]) -> String {
    let header = [
        "symbol",
        "display",
        "market",
        "exchange",
        "mic",
        "currency",
        "status",
        "first_seen",
        "last_seen",
        "type",
        "name",
    ];
    let row = |e: &Entry| {
        let status = if e.renamed_to.is_empty() { e.status.name() } else { &format!("renamed to {}", e.renamed_to) };
        let texts = [&*e.symbol, &e.display_symbol, e.market.name(), &e.exchange, &e.mic, &e.currency, status];
        let texts = texts.into_iter().map(str::to_owned);
        let rest = [day(e.first_seen_ms), day(e.last_seen_ms), e.security_type.to_string(), e.name.to_string()];
        texts.chain(rest).collect()
    };
    table::table(&header, &entries.iter().map(row).collect::<Vec<_>>())
}
