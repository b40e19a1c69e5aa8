//! Filters of the symbol table.

use clap::Args as ClapArgs;
use dataflows::symbols::entry::{Entry, Market, Status};

/// Filters. Each accepts several values separated by commas, in any case; an entry must pass all filters.
#[derive(Clone, Debug, ClapArgs)]
pub struct Filter {
    /// Only these exchanges: US, L, BINANCE
    #[arg(long, value_delimiter = ',')]
    pub exchange: Vec<String>,
    /// Only symbols priced in these currencies
    #[arg(long, value_delimiter = ',')]
    pub currency: Vec<String>,
    /// Only these security types: "Common Stock", ETP, ADR
    #[arg(long = "type", value_delimiter = ',', value_name = "TYPE")]
    pub security_type: Vec<String>,
    /// Only these markets: stock, crypto, forex
    #[arg(long, value_delimiter = ',', value_parser = market)]
    pub market: Vec<Market>,
    /// Only these statuses: listed, delisted, renamed, withdrawn
    #[arg(long, value_delimiter = ',', value_parser = status, default_value = "listed")]
    pub status: Vec<Status>,
}

fn market(text: &str) -> Result<Market, String> {
    Market::from_name(&text.to_lowercase())
        .ok_or_else(|| format!("invalid market {text:?}: expected stock, crypto or forex"))
}

fn status(text: &str) -> Result<Status, String> {
    Status::from_name(&text.to_lowercase())
        .ok_or_else(|| format!("invalid status {text:?}: expected listed, delisted, renamed or withdrawn"))
}

impl Filter {
    /// Whether an entry passes all filters.
    pub fn takes(&self, entry: &Entry) -> bool {
        let is = |wanted: &[String], text: &str| {
            wanted.is_empty() || wanted.iter().any(|wanted| wanted.to_lowercase() == text.to_lowercase())
        };
        self.status.contains(&entry.status)
            && (self.market.is_empty() || self.market.contains(&entry.market))
            && is(&self.exchange, &entry.exchange)
            && is(&self.currency, &entry.currency)
            && is(&self.security_type, &entry.security_type)
    }
}
