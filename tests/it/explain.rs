//! `tickline explain`: against a second program over random logs, from checkpoints, and as a command.

mod command;
mod expected;
mod modes;
mod oracle;
mod starts;
mod world;
