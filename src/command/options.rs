//! Options that several commands share, and the types of their values.

pub mod cluster;
pub mod duration;
pub mod listen;
pub mod rows;
pub mod secret;
