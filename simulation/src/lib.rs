//! The whole job in a simulated world: the real dataflow, ingress, sink, commit, checkpoints and recovery, over a log,
//! a store and clocks in which anything may happen. One seed decides all of it, and the same seed gives the same trace.
//!
//! ```text
//!  scenario   what happens: a log, shapes of starts, faults; from a seed, and how a failing one is shrunk
//!  steady     logs whose frontier moves all the time
//!  world      who takes the next turn, and what a fault does      epoch   one start of the job
//!  log store  the simulated ones
//!  checks     what must hold after every turn and at the end, by the oracle
//!  catch_up   a backlog, and kills all the time
//!  verified   what `verify --rows` says of a run's store
//!  run        a scenario from the first record to the end         trace   what happened
//! ```

pub mod catch_up;
pub mod checks;
pub mod epoch;
pub mod log;
#[path = "../../dataflows/tests/oracle/mod.rs"]
mod oracle;
pub mod run;
pub mod scenario;
pub mod steady;
pub mod store;
#[path = "../../dataflows/tests/support/mod.rs"]
mod support;
pub mod trace;
pub mod verified;
pub mod world;
