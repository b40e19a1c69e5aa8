//! The whole binary on the embedded log and store: every test runs `tickline` as a process, as users do.

mod ahead;
pub mod as_of;
mod bad_input;
mod checkpoints;
mod disk;
mod duplicates;
mod ends;
mod faults;
mod gaps;
pub mod growing;
mod live;
mod mirror;
mod paced;
mod paced_property;
mod part;
mod proof;
mod recovery;
mod rejected;
mod replay_writes;
mod scan;
mod show;
mod sources;
mod status;
mod verify_record;
mod verify_rows;
mod waiting;
mod what_if;
