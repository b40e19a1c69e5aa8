//! The page in a real browser: node drives Debian's Chromium, and what is shown is compared with the store's rows.

mod as_of;
mod exact;
mod gaps;
mod hand;
mod late;
mod look;
mod names;
mod numbers;
mod play;
mod restart;
mod scene;
mod script;
mod search;
mod states;
