//! The screen of `tickline top`: the watch list, one chart, and the frontier.
//!
//! One thread reads the store (`feed.rs`); this one waits for keys and draws. The screen is a function of the state
//! alone (`draw.rs`). A key, a signal, an error and a panic all restore the terminal.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};

use crate::command::top::draw;
use crate::command::top::feed::Feed;
use crate::command::top::state::{State, Step};
use crate::process::signals::ended_by_signal;
use crate::store::StoreReader;

/// How long to wait for a key before checking for updates.
const KEY_WAIT: Duration = Duration::from_millis(50);
/// Maximum interval between two draws, so that the lag is current.
const REDRAW: Duration = Duration::from_secs(1);

/// Draws on the terminal until a key or a signal ends it.
pub fn run(reader: Box<dyn StoreReader>, state: State) -> anyhow::Result<()> {
    let ended = ended_by_signal()?;
    let feed = Feed::start(reader, state.query());
    // Also installs a hook that restores the terminal before a panic is reported.
    let mut terminal = ratatui::try_init().context("cannot draw on the terminal")?;
    let outcome = watch(&mut terminal, state, &feed, &ended);
    ratatui::restore();
    outcome
}

fn watch(terminal: &mut DefaultTerminal, mut state: State, feed: &Feed, ended: &AtomicBool) -> anyhow::Result<()> {
    let mut drawn: Option<Instant> = None;
    while !ended.load(Ordering::SeqCst) {
        let mut is_due = drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW);
        while let Some(update) = feed.next() {
            state.apply(update);
            is_due = true;
        }
        if is_due {
            let now_ms = crate::time::now_ms();
            terminal.draw(|frame| draw::draw(frame, &mut state, now_ms)).context("cannot draw on the terminal")?;
            drawn = Some(Instant::now());
            feed.query(state.query());
        }
        if !event::poll(KEY_WAIT).context("cannot read keys from the terminal")? {
            continue;
        }
        match event::read().context("cannot read keys from the terminal")? {
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
