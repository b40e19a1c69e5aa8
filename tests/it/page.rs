//! The page in a real browser: node drives Debian's Chromium, and what is shown is held against the store's own rows.

mod exact;
mod late;
mod look;
mod restart;
mod scene;
mod script;
mod search;
