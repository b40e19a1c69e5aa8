//! The symbol table in memory, packed: its texts in one piece, and 16 bytes for each symbol to find them.

use std::collections::HashMap;
use std::sync::Arc;

use dataflows::symbols::entry::{Entry, Status};
use xxhash_rust::xxh3::Xxh3;

use crate::store::{StoreError, StoreReader};

/// Maximum size of all texts, in bytes: some five million symbols. Those beyond it are not found by a search.
const TEXT_BYTES_MAX: usize = 256 << 20;

/// Entries of the symbol table, ascending by symbol, without withdrawn ones.
#[derive(Debug, Default)]
pub struct Names {
    text: String,
    rows: Vec<Row>,
    /// Exchanges and currencies, of which many symbols have the same.
    words: Vec<String>,
    /// Of everything that was read.
    hash: u128,
    /// Symbols left out because there were too many.
    omitted: usize,
}

/// Where the texts of a symbol are: its symbol, display symbol and name follow each other.
#[derive(Clone, Copy, Debug)]
struct Row {
    start: u32,
    display_bytes: u16,
    name_bytes: u16,
    exchange: u16,
    currency: u16,
    symbol_bytes: u8,
    status: Status,
}

/// An entry's texts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Name<'a> {
    /// As the feed spells it.
    pub symbol: &'a str,
    /// The display symbol; empty if it is the symbol.
    pub display_symbol: &'a str,
    /// Name of the company, fund or pair.
    pub name: &'a str,
    /// Finnhub's code of the exchange.
    pub exchange: &'a str,
    /// Currency of its prices.
    pub currency: &'a str,
    /// Listing status; `None` if the symbol table has no entry.
    pub status: Option<Status>,
}

impl<'a> FromIterator<&'a Entry> for Names {
    fn from_iter<I: IntoIterator<Item = &'a Entry>>(entries: I) -> Self {
        let mut packer = Packer::default();
        entries.into_iter().for_each(|entry| packer.push(entry));
        packer.finish()
    }
}

impl Names {
    /// Reads the symbol table. If it is as it was, what was read before is returned, and there is never a second copy.
    pub fn read(reader: &mut dyn StoreReader, before: &Arc<Self>) -> Result<Arc<Self>, StoreError> {
        if !before.rows.is_empty() {
            let mut hash = Xxh3::new();
            reader.symbols(&mut |entry| skip(entry, |entry| update(&mut hash, entry)))?;
            if hash.digest128() == before.hash {
                return Ok(Arc::clone(before));
            }
        }
        let mut packer = Packer::default();
        reader.symbols(&mut |entry| skip(entry, |entry| packer.push(entry)))?;
        Ok(Arc::new(packer.finish()))
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Number of symbols left out because there were too many.
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// The entry at a position.
    pub fn get(&self, at: usize) -> Name<'_> {
        let row = &self.rows[at];
        let symbol_end = row.start as usize + usize::from(row.symbol_bytes);
        let display_end = symbol_end + usize::from(row.display_bytes);
        Name {
            symbol: &self.text[row.start as usize..symbol_end],
            display_symbol: &self.text[symbol_end..display_end],
            name: &self.text[display_end..display_end + usize::from(row.name_bytes)],
            exchange: &self.words[usize::from(row.exchange)],
            currency: &self.words[usize::from(row.currency)],
            status: Some(row.status),
        }
    }

    /// The position of a symbol.
    pub fn find(&self, symbol: &str) -> Option<usize> {
        self.rows
            .binary_search_by(|row| {
                let start = row.start as usize;
                self.text[start..start + usize::from(row.symbol_bytes)].cmp(symbol)
            })
            .ok()
    }

    /// Memory of this table, in bytes.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        let words: usize = self.words.iter().map(|word| word.capacity() + size_of::<String>()).sum();
        self.text.capacity() + self.rows.capacity() * size_of::<Row>() + words
    }
}

/// Reads an entry that is not withdrawn, so that the reader need not keep it.
fn skip(entry: &Entry, read: impl FnOnce(&Entry)) -> bool {
    if entry.status != Status::Withdrawn {
        read(entry);
    }
    false
}

fn update(hash: &mut Xxh3, entry: &Entry) {
    let Entry { symbol, display_symbol, name, exchange, currency, status, .. } = entry;
    for text in [symbol, display_symbol, name, exchange, currency] {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hash.update(&[*status as u8]);
}

/// Packs entries.
#[derive(Default)]
struct Packer {
    names: Names,
    hash: Xxh3,
    word_bytes: usize,
    words: HashMap<String, u16>,
}

impl Packer {
    fn push(&mut self, entry: &Entry) {
        update(&mut self.hash, entry);
        if self.pack(entry).is_none() {
            self.names.omitted += 1;
        }
    }

    /// Adds an entry; `None` if there is no room.
    fn pack(&mut self, entry: &Entry) -> Option<()> {
        let display_symbol = if entry.display_symbol == entry.symbol { "" } else { &*entry.display_symbol };
        let texts = [&*entry.symbol, display_symbol, &*entry.name];
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        if self.names.text.len() + self.word_bytes + bytes > TEXT_BYTES_MAX {
            return None;
        }
        let row = Row {
            start: u32::try_from(self.names.text.len()).ok()?,
            symbol_bytes: u8::try_from(entry.symbol.len()).ok()?,
            display_bytes: u16::try_from(display_symbol.len()).ok()?,
            name_bytes: u16::try_from(entry.name.len()).ok()?,
            exchange: self.word(&entry.exchange)?,
            currency: self.word(&entry.currency)?,
            status: entry.status,
        };
        texts.iter().for_each(|text| self.names.text.push_str(text));
        self.names.rows.push(row);
        Some(())
    }

    fn word(&mut self, word: &str) -> Option<u16> {
        if let Some(at) = self.words.get(word) {
            return Some(*at);
        }
        let at = u16::try_from(self.names.words.len()).ok()?;
        self.word_bytes += word.len();
        self.names.words.push(word.to_owned());
        self.words.insert(word.to_owned(), at);
        Some(at)
    }

    fn finish(self) -> Names {
        let mut names = Names { hash: self.hash.digest128(), ..self.names };
        names.text.shrink_to_fit();
        let Names { text, rows, .. } = &mut names;
        rows.shrink_to_fit();
        let symbol = |row: &Row| &text[row.start as usize..row.start as usize + usize::from(row.symbol_bytes)];
        // They come in the order of the store's own comparison.
        if !rows.is_sorted_by(|a, b| symbol(a) <= symbol(b)) {
            rows.sort_by(|a, b| symbol(a).cmp(symbol(b)));
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataflows::symbols::entry::Market;

    const COUNT: usize = 100_000;

    fn entry(at: usize) -> Entry {
        let name = format!("COMPANY NUMBER {at} OF THE LIST INC");
        serde_json::from_value(serde_json::json!({
            "symbol": format!("SYM{at:07}"), "display_symbol": format!("SYM{at:07}"), "name": name,
            "market": Market::Stock, "exchange": (["US", "L", "T"][at % 3]), "currency": "USD", "status": "listed",
            "first_seen_ms": 0, "last_seen_ms": 0, "as_of_ms": 0,
        }))
        .unwrap()
    }

    #[test]
    fn symbol_takes_its_text_and_few_bytes_more() {
        let mut packer = Packer::default();
        let mut text_bytes = 0;
        for at in (0..COUNT).rev() {
            let entry = entry(at);
            text_bytes += entry.symbol.len() + entry.name.len();
            packer.push(&entry);
        }
        let names = packer.finish();
        assert_eq!((names.len(), names.omitted()), (COUNT, 0));
        let bytes = names.bytes();
        assert!(bytes < text_bytes + COUNT * 17, "{} bytes for each symbol", bytes / COUNT);
        println!("{} bytes for each symbol, {} of them text", bytes / COUNT, text_bytes / COUNT);
        for at in [0, 1, 77_777, COUNT - 1] {
            let (name, entry) = (names.get(names.find(&format!("SYM{at:07}")).unwrap()), entry(at));
            let found = [name.symbol, name.display_symbol, name.name, name.exchange, name.currency];
            assert_eq!(found, [&*entry.symbol, "", &*entry.name, &*entry.exchange, "USD"]);
        }
        assert_eq!(names.find("SYM"), None);
    }

    #[test]
    fn symbols_beyond_the_bound_are_counted() {
        let mut packer = Packer { word_bytes: TEXT_BYTES_MAX - 100, ..Packer::default() };
        (0..3).for_each(|at| packer.push(&entry(at)));
        let names = packer.finish();
        assert_eq!((names.len(), names.omitted()), (2, 1));
    }
}
