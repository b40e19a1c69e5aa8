//! From records to deliveries: each trade gets its time, is merged with its neighbours, and is sent to the worker that
//! owns its symbol.

pub mod delivery;
mod partition;
pub mod router;
mod symbols;
