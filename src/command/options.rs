//! Options that several commands share, and parsers of their values.

pub mod as_of;
pub mod cluster;
pub mod duration;
pub mod listen;
pub mod moment;
pub mod read;
pub mod rows;
pub mod secret;
pub mod source;
pub mod workers;
