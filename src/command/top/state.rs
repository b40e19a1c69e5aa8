//! What the terminal shows, and what keys and news make of it.

use dataflows::progress::time::Resolution;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::store::{DurableFrontier, StoredCandle};

/// Candles that are asked for before it is known how many there is room for.
const CANDLES: usize = 200;

/// What the store is to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The symbol of the chart; the first one when nothing is chosen.
    pub symbol: Option<String>,
    /// The length of its candles.
    pub resolution: Resolution,
    /// The newest so many.
    pub candles_max: usize,
}

/// What the store has said.
#[derive(Clone, Debug)]
pub struct News {
    /// The durable frontier; `None` before the first.
    pub durable: Option<DurableFrontier>,
    /// All symbols, each with its newest day; `None` when that has not changed.
    pub list: Option<Vec<(String, StoredCandle)>>,
    /// The symbol of these candles.
    pub symbol: Option<String>,
    /// Their length.
    pub resolution: Resolution,
    /// The newest candles, ascending.
    pub candles: Vec<StoredCandle>,
}

/// What a key leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Draw again.
    On,
    /// Leave.
    End,
}

/// Everything that is drawn.
#[derive(Debug)]
pub struct State {
    /// The store, as messages name it.
    pub store: String,
    /// The durable frontier; `None` before the first.
    pub durable: Option<DurableFrontier>,
    /// All symbols, ascending, each with its newest day.
    pub list: Vec<(String, StoredCandle)>,
    /// The symbol that is chosen.
    pub symbol: Option<String>,
    /// The length of the candles that are chosen.
    pub resolution: Resolution,
    /// The candles of the symbol, ascending; those of another one are none.
    pub candles: Vec<StoredCandle>,
    /// Whether the store has said anything yet.
    pub heard: bool,
    /// Why the store could not be read last.
    pub error: Option<String>,
    /// Whether the keys are explained.
    pub help: bool,
    /// The text that symbols are looked for by, while it is typed.
    pub search: Option<String>,
    /// Whether red and green may be used.
    pub coloured: bool,
    /// The first line of the list that is seen.
    pub first: usize,
    /// Candles that there is room for, as last drawn.
    pub candles_max: usize,
    /// Lines of the list, as last drawn.
    pub page: usize,
}

impl State {
    /// Nothing is known of the store yet.
    pub fn new(store: String, symbol: Option<String>, resolution: Resolution) -> Self {
        Self {
            store,
            durable: None,
            list: Vec::new(),
            symbol,
            resolution,
            candles: Vec::new(),
            heard: false,
            error: None,
            help: false,
            search: None,
            coloured: crate::process::terminal::colours_are_wanted(),
            first: 0,
            candles_max: CANDLES,
            page: 1,
        }
    }

    /// What the store is to be asked for.
    pub fn wish(&self) -> Wish {
        Wish { symbol: self.symbol.clone(), resolution: self.resolution, candles_max: self.candles_max }
    }

    /// Takes in what the store has said. A chart of what was wished for before is left out.
    pub fn take(&mut self, news: Result<News, String>) {
        let news = match news {
            Ok(news) => news,
            Err(why) => {
                self.error = Some(why);
                return;
            }
        };
        (self.error, self.heard) = (None, true);
        self.durable = news.durable;
        if let Some(list) = news.list {
            self.list = list;
        }
        if self.symbol.is_none() {
            self.symbol.clone_from(&news.symbol);
        }
        if self.symbol == news.symbol && self.resolution == news.resolution {
            self.candles = news.candles;
        }
    }

    /// Where the chosen symbol stands in the list.
    pub fn chosen(&self) -> Option<usize> {
        let symbol = self.symbol.as_deref()?;
        self.list.iter().position(|(known, _)| known == symbol)
    }

    /// What a key does.
    pub fn press(&mut self, key: KeyEvent) -> Step {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return if key.code == KeyCode::Char('c') { Step::End } else { Step::On };
        }
        if self.search.is_some() {
            self.type_into_search(key.code);
            return Step::On;
        }
        let page = self.page.saturating_sub(1).max(1) as isize;
        match key.code {
            KeyCode::Char('q') => return Step::End,
            KeyCode::Esc if !self.help => return Step::End,
            KeyCode::Esc => self.help = false,
            KeyCode::Char('?' | 'h') => self.help = !self.help,
            KeyCode::Char('/') => self.search = Some(String::new()),
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::PageDown => self.step(page),
            KeyCode::PageUp => self.step(-page),
            KeyCode::Home | KeyCode::Char('g') => self.step(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.step(isize::MAX),
            KeyCode::Char(digit @ '1'..='5') => self.choose_resolution(Resolution::ALL[digit as usize - '1' as usize]),
            KeyCode::Left => self.choose_resolution(Resolution::ALL[(self.resolution as usize).saturating_sub(1)]),
            KeyCode::Right => {
                let next = (self.resolution as usize + 1).min(Resolution::ALL.len() - 1);
                self.choose_resolution(Resolution::ALL[next]);
            }
            _ => {}
        }
        Step::On
    }

    /// The chosen symbol is the first that begins with the text, or else holds it.
    fn type_into_search(&mut self, code: KeyCode) {
        let Some(text) = &mut self.search else { return };
        match code {
            KeyCode::Char(letter) => text.push(letter),
            KeyCode::Backspace => drop(text.pop()),
            _ => {
                self.search = None;
                return;
            }
        }
        let text = text.to_uppercase();
        let find = |is: &dyn Fn(&str) -> bool| {
            self.list.iter().map(|(symbol, _)| symbol).find(|symbol| is(&symbol.to_uppercase())).cloned()
        };
        let found = find(&|symbol| symbol.starts_with(&text)).or_else(|| find(&|symbol| symbol.contains(&text)));
        if let Some(symbol) = found {
            self.choose(symbol);
        }
    }

    fn step(&mut self, by: isize) {
        let Some(last) = self.list.len().checked_sub(1) else { return };
        let at = self.chosen().map_or(0, |at| at.saturating_add_signed(by).min(last));
        self.choose(self.list[at].0.clone());
    }

    fn choose(&mut self, symbol: String) {
        if self.symbol.as_ref() != Some(&symbol) {
            self.symbol = Some(symbol);
            self.candles.clear();
        }
    }

    fn choose_resolution(&mut self, resolution: Resolution) {
        if self.resolution != resolution {
            self.resolution = resolution;
            self.candles.clear();
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::command::output::candlestick::tests::candle;

    /// A state that has heard of three symbols.
    pub fn state() -> State {
        let mut state = State::new("sqlite:x".to_owned(), None, Resolution::M1);
        let list = ["AAPL", "BINANCE:BTCUSDT", "NVDA"].map(|symbol| (symbol.to_owned(), candle(1, 1.0, 2.0, 0.5, 1.5)));
        let symbol = Some("AAPL".to_owned());
        state.take(Ok(News {
            durable: None,
            list: Some(list.to_vec()),
            symbol,
            resolution: Resolution::M1,
            candles: vec![],
        }));
        state
    }

    fn press(state: &mut State, keys: &str) -> Vec<Step> {
        let key = |letter| match letter {
            '\n' => KeyCode::Enter,
            '\u{1b}' => KeyCode::Esc,
            letter => KeyCode::Char(letter),
        };
        keys.chars().map(|letter| state.press(KeyEvent::from(key(letter)))).collect()
    }

    #[test]
    fn keys_choose_symbol_and_resolution_and_end_it() {
        let mut state = state();
        for (keys, symbol, resolution) in [
            ("j", "BINANCE:BTCUSDT", Resolution::M1),
            ("jjj", "NVDA", Resolution::M1),
            ("k5", "BINANCE:BTCUSDT", Resolution::D1),
            ("g1", "AAPL", Resolution::S5),
            ("/btc\n", "BINANCE:BTCUSDT", Resolution::S5),
            ("/nv\n", "NVDA", Resolution::S5),
            ("/nothing\n", "NVDA", Resolution::S5),
        ] {
            assert!(press(&mut state, keys).iter().all(|step| *step == Step::On));
            assert_eq!((state.symbol.as_deref(), state.resolution), (Some(symbol), resolution), "{keys:?}");
        }
        assert_eq!(press(&mut state, "?\u{1b}\u{1b}"), [Step::On, Step::On, Step::End], "help is left first");
        assert_eq!(press(&mut state, "q"), [Step::End]);
        let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(state.press(interrupt), Step::End);
    }

    #[test]
    fn a_chart_of_another_symbol_is_not_shown() {
        let mut state = state();
        press(&mut state, "j");
        let of = |symbol: &str, resolution| News {
            durable: None,
            list: None,
            symbol: Some(symbol.to_owned()),
            resolution,
            candles: vec![candle(1, 1.0, 1.0, 1.0, 1.0)],
        };
        state.take(Ok(of("AAPL", Resolution::M1)));
        state.take(Ok(of("BINANCE:BTCUSDT", Resolution::D1)));
        assert!(state.candles.is_empty() && state.list.len() == 3);
        state.take(Ok(of("BINANCE:BTCUSDT", Resolution::M1)));
        assert_eq!(state.candles.len(), 1);
        state.take(Err("gone".to_owned()));
        assert_eq!((state.error.as_deref(), state.candles.len()), (Some("gone"), 1), "what is known stays");
    }
}
