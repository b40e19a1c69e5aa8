//! A store in the terminal: the watch list, one chart, and how far all of it is complete.
//!
//! One thread reads the store (`feed.rs`); this one waits for keys and draws. What is drawn is a function of the state
//! alone (`draw.rs`). However it ends, by a key, a signal, an error or a panic, the terminal is as it was before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::future::select_all;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::store::StoreReader;

use crate::command::top::feed::Feed;
use crate::command::top::state::{State, Step};

/// So long a key is waited for before anything else is looked at.
const TICK: Duration = Duration::from_millis(50);
/// The lag is drawn so often, also when nothing comes.
const REDRAW: Duration = Duration::from_secs(1);

/// Draws on the terminal until it is told to end.
pub fn run(reader: Box<dyn StoreReader>, state: State) -> anyhow::Result<()> {
    let ended = ended_by_signal()?;
    let feed = Feed::start(reader, state.wish());
    // It also restores the terminal before a panic is reported.
    let mut terminal = ratatui::try_init().context("the terminal cannot be drawn on")?;
    let outcome = watch(&mut terminal, state, &feed, &ended);
    ratatui::restore();
    outcome
}

fn watch(terminal: &mut DefaultTerminal, mut state: State, feed: &Feed, ended: &AtomicBool) -> anyhow::Result<()> {
    let mut drawn: Option<Instant> = None;
    while !ended.load(Ordering::SeqCst) {
        let mut is_due = drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW);
        while let Some(news) = feed.next() {
            state.take(news);
            is_due = true;
        }
        if is_due {
            let now_ms = crate::time::now_ms();
            terminal
                .draw(|frame| crate::command::top::draw::draw(frame, &mut state, now_ms))
                .context("the terminal cannot be drawn on")?;
            drawn = Some(Instant::now());
            feed.wish(state.wish());
        }
        if !event::poll(TICK).context("the terminal's keys cannot be read")? {
            continue;
        }
        match event::read().context("the terminal's keys cannot be read")? {
            Event::Key(key) if key.kind != KeyEventKind::Release => match state.press(key) {
                Step::End => return Ok(()),
                Step::On => drawn = None,
            },
            Event::Resize(..) => drawn = None,
            _ => {}
        }
    }
    Ok(())
}

/// Set when the process is asked to end. Signals are heard from the return on: one that comes earlier ends the process
/// before it has touched the terminal.
fn ended_by_signal() -> anyhow::Result<Arc<AtomicBool>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("the system refused what signals need")?;
    let heard = {
        let _inside = runtime.enter();
        [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal)
    };
    let heard = heard.into_iter().collect::<Result<Vec<Signal>, _>>().context("cannot listen for signals")?;
    let ended = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&ended);
    std::thread::spawn(move || {
        let any = select_all(heard.into_iter().map(|mut signal| Box::pin(async move { signal.recv().await })));
        runtime.block_on(any);
        set.store(true, Ordering::SeqCst);
    });
    Ok(ended)
}
