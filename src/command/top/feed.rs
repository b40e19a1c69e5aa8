//! The thread that reads the store, so that a slow one holds up no key.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::state::{News, Wish};
use crate::store::{Range, StoreError, StoreReader};

/// Between two looks at the frontier, at least; and so many times as long as a look took.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSES: u32 = 3;

/// Brings what the store holds, whenever its frontier has moved or something else is wished for.
pub(super) struct Feed {
    wish: Arc<Mutex<Wish>>,
    wake: Sender<()>,
    news: Receiver<Result<News, String>>,
}

impl Feed {
    pub(super) fn start(mut reader: Box<dyn StoreReader>, wish: Wish) -> Self {
        let (wish, (wake, woken), (tell, news)) = (Arc::new(Mutex::new(wish)), bounded(1), bounded(1));
        let wished = Arc::clone(&wish);
        // It ends with the process, or when nobody listens any more.
        std::thread::spawn(move || {
            let mut told = None;
            loop {
                let begun = Instant::now();
                let wish = wished.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let news = read(reader.as_mut(), wish, &mut told);
                if let Some(news) = news.map_err(|error| error.to_string()).transpose()
                    && tell.send(news).is_err()
                {
                    return;
                }
                // Woken early by another wish.
                let _ = woken.recv_timeout(PAUSE.max(begun.elapsed() * PAUSES));
            }
        });
        Self { wish, wake, news }
    }

    pub(super) fn wish(&self, wish: Wish) {
        let mut wished = self.wish.lock().unwrap_or_else(PoisonError::into_inner);
        if *wished != wish {
            *wished = wish;
            // When it is awake already, it sees the wish anyway.
            let _ = self.wake.try_send(());
        }
    }

    pub(super) fn next(&self) -> Option<Result<News, String>> {
        self.news.try_recv().ok()
    }
}

/// What was read last: epoch, frontier, and what was wished for.
type Told = Option<((u64, u64), Wish)>;

/// Nothing when nothing has changed. The frontier is read first: the rows are at least as new as it says.
fn read(reader: &mut dyn StoreReader, wish: Wish, told: &mut Told) -> Result<Option<News>, StoreError> {
    let durable = reader.frontier()?;
    let place = durable.as_ref().map_or((0, 0), |durable| (durable.epoch, durable.row.frontier));
    let before = told.take();
    if before.as_ref().is_some_and(|(at, wished)| *at == place && *wished == wish) {
        *told = before;
        return Ok(None);
    }
    let list = match &before {
        Some((at, _)) if *at == place => None,
        _ => Some(reader.latest()?),
    };
    let first = || list.as_ref().and_then(|list| list.first()).map(|(symbol, _)| symbol.clone());
    let symbol = wish.symbol.clone().or_else(first);
    let range = Range { from_ms: 0, to_ms: u64::MAX, limit: wish.candles_max };
    let candles = match &symbol {
        Some(symbol) => reader.candles(symbol, wish.resolution, range)?,
        None => Vec::new(),
    };
    let resolution = wish.resolution;
    *told = Some((place, wish));
    Ok(Some(News { durable, list, symbol, resolution, candles }))
}
