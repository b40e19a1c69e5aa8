//! The state of the terminal, and how keys and updates change it.

use dataflows::progress::time::Resolution;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::pipeline_state::{Facts, PipelineState};
use crate::store::{DurableFrontier, Heartbeat, StoredCandle};
use crate::time::now_ms;

/// Candles to read before the size of the chart is known.
const CANDLES: usize = 200;

/// Rows to read from the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Symbol of the chart; the first one by default.
    pub symbol: Option<String>,
    /// Resolution of its candles.
    pub resolution: Resolution,
    /// Maximum number of candles, the newest ones.
    pub candles_max: usize,
}

/// Changes read from the store.
#[derive(Clone, Debug)]
pub struct Update {
    /// The durable frontier; `None` before the first.
    pub durable: Option<DurableFrontier>,
    /// The worker's last heartbeat.
    pub heartbeat: Option<Heartbeat>,
    /// All symbols, each with its newest day; `None` when unchanged.
    pub list: Option<Vec<(String, StoredCandle)>>,
    /// Symbol of the candles.
    pub symbol: Option<String>,
    /// Resolution of the candles.
    pub resolution: Resolution,
    /// The newest candles, ascending.
    pub candles: Vec<StoredCandle>,
}

/// Effect of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Draw again.
    On,
    /// Quit.
    End,
}

/// Everything that is drawn.
#[derive(Debug)]
pub struct State {
    /// The store, as messages name it.
    pub store: String,
    /// The durable frontier; `None` before the first.
    pub durable: Option<DurableFrontier>,
    /// The worker's last heartbeat.
    pub heartbeat: Option<Heartbeat>,
    /// All symbols, ascending, each with its newest day.
    pub list: Vec<(String, StoredCandle)>,
    /// The selected symbol.
    pub symbol: Option<String>,
    /// The selected resolution.
    pub resolution: Resolution,
    /// Candles of the selected symbol and resolution, ascending.
    pub candles: Vec<StoredCandle>,
    /// Whether the store has been read yet.
    pub loaded: bool,
    /// Error of the last read.
    pub error: Option<String>,
    /// Since when the store cannot be read, in Unix milliseconds.
    pub failing_since_ms: Option<u64>,
    /// Whether the help is shown.
    pub help: bool,
    /// The search text, while it is typed.
    pub search: Option<String>,
    /// Whether red and green may be used.
    pub coloured: bool,
    /// The first visible line of the list.
    pub first: usize,
    /// Number of candles that fit, as last drawn.
    pub candles_max: usize,
    /// Number of visible lines of the list, as last drawn.
    pub page: usize,
}

impl State {
    /// The state before the store has been read.
    pub fn new(store: String, symbol: Option<String>, resolution: Resolution) -> Self {
        Self {
            store,
            durable: None,
            heartbeat: None,
            list: Vec::new(),
            symbol,
            resolution,
            candles: Vec::new(),
            loaded: false,
            error: None,
            failing_since_ms: None,
            help: false,
            search: None,
            coloured: crate::process::terminal::colours_are_wanted(),
            first: 0,
            candles_max: CANDLES,
            page: 1,
        }
    }

    /// What to read from the store.
    pub fn query(&self) -> Query {
        Query { symbol: self.symbol.clone(), resolution: self.resolution, candles_max: self.candles_max }
    }

    /// Applies an update. Ignores candles of an earlier query.
    pub fn apply(&mut self, update: Result<Update, String>) {
        let update = match update {
            Ok(update) => update,
            Err(why) => {
                self.error = Some(why);
                self.failing_since_ms.get_or_insert_with(now_ms);
                return;
            }
        };
        (self.error, self.failing_since_ms, self.loaded) = (None, None, true);
        (self.durable, self.heartbeat) = (update.durable, update.heartbeat);
        if let Some(list) = update.list {
            self.list = list;
        }
        if self.symbol.is_none() {
            self.symbol.clone_from(&update.symbol);
        }
        if self.symbol == update.symbol && self.resolution == update.resolution {
            self.candles = update.candles;
        }
    }

    /// The judgement of the pipeline, once the store has been read.
    pub fn judge(&self, now_ms: u64) -> Option<PipelineState> {
        if let (Some(why), Some(since_ms)) = (&self.error, self.failing_since_ms) {
            return Some(PipelineState::store_down(why, since_ms));
        }
        let frontier_ms = self.durable.as_ref().map(|durable| durable.row.frontier);
        let facts = Facts { frontier_ms, heartbeat: self.heartbeat.as_ref(), now_ms };
        self.loaded.then(|| PipelineState::judge(&facts))
    }

    /// Index of the selected symbol in the list.
    pub fn selected(&self) -> Option<usize> {
        let symbol = self.symbol.as_deref()?;
        self.list.iter().position(|(known, _)| known == symbol)
    }

    /// Handles a key.
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
            KeyCode::Down | KeyCode::Char('j') => self.move_by(1),
            KeyCode::Up | KeyCode::Char('k') => self.move_by(-1),
            KeyCode::PageDown => self.move_by(page),
            KeyCode::PageUp => self.move_by(-page),
            KeyCode::Home | KeyCode::Char('g') => self.move_by(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.move_by(isize::MAX),
            KeyCode::Char(digit @ '1'..='5') => self.select_resolution(Resolution::ALL[digit as usize - '1' as usize]),
            KeyCode::Left => self.select_resolution(Resolution::ALL[(self.resolution as usize).saturating_sub(1)]),
            KeyCode::Right => {
                let next = (self.resolution as usize + 1).min(Resolution::ALL.len() - 1);
                self.select_resolution(Resolution::ALL[next]);
            }
            _ => {}
        }
        Step::On
    }

    /// Selects the first symbol that starts with the text, or else contains it.
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
            self.select(symbol);
        }
    }

    fn move_by(&mut self, by: isize) {
        let Some(last) = self.list.len().checked_sub(1) else { return };
        let at = self.selected().map_or(0, |at| at.saturating_add_signed(by).min(last));
        self.select(self.list[at].0.clone());
    }

    fn select(&mut self, symbol: String) {
        if self.symbol.as_ref() != Some(&symbol) {
            self.symbol = Some(symbol);
            self.candles.clear();
        }
    }

    fn select_resolution(&mut self, resolution: Resolution) {
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

    /// A state with three symbols.
    pub fn state() -> State {
        let mut state = State::new("sqlite:x".to_owned(), None, Resolution::M1);
        let list = ["AAPL", "BINANCE:BTCUSDT", "NVDA"].map(|symbol| (symbol.to_owned(), candle(1, 1.0, 2.0, 0.5, 1.5)));
        let symbol = Some("AAPL".to_owned());
        state.apply(Ok(Update {
            durable: None,
            heartbeat: None,
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
    fn keys_select_and_quit() {
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
        assert_eq!(press(&mut state, "?\u{1b}\u{1b}"), [Step::On, Step::On, Step::End], "closes the help first");
        assert_eq!(press(&mut state, "q"), [Step::End]);
        let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(state.press(interrupt), Step::End);
    }

    #[test]
    fn an_outdated_chart_is_ignored() {
        let mut state = state();
        press(&mut state, "j");
        let of = |symbol: &str, resolution| Update {
            durable: None,
            heartbeat: None,
            list: None,
            symbol: Some(symbol.to_owned()),
            resolution,
            candles: vec![candle(1, 1.0, 1.0, 1.0, 1.0)],
        };
        state.apply(Ok(of("AAPL", Resolution::M1)));
        state.apply(Ok(of("BINANCE:BTCUSDT", Resolution::D1)));
        assert!(state.candles.is_empty() && state.list.len() == 3);
        state.apply(Ok(of("BINANCE:BTCUSDT", Resolution::M1)));
        assert_eq!(state.candles.len(), 1);
        state.apply(Err("gone".to_owned()));
        assert_eq!((state.error.as_deref(), state.candles.len()), (Some("gone"), 1), "candles stay after an error");
    }
}
