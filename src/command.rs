//! The commands, one module each, and what they share.

pub mod common;
pub mod config_file;
pub mod dashboard;
pub mod demo;
pub mod replay;
pub mod settings;
pub mod verify;
pub mod work;
