//! What becomes of each trade, for a reader of the log who wants to know: `tickline explain` is one.
//!
//! An ingress is compiled for its witness. That of a worker is [`Unwatched`], whose method is empty, so the calls and
//! everything that is only made for them are not in its code.

use crate::ingress::waiting_trade::Origin;
use crate::log::conditions::Flags;
use crate::log::decode::RawTrade;
use crate::log::reject::Reason;
use crate::progress::time::Time;

/// A part of a record: a trade, or what is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// The partition.
    pub partition: u32,
    /// Offset of the record.
    pub offset: u64,
    /// Index in the record.
    pub index: u32,
    /// Its bytes, or their beginning; empty for an accepted trade that has waited.
    pub bytes: &'a [u8],
}

impl<'a> Part<'a> {
    #[inline]
    pub(super) const fn new(partition: u32, origin: &Origin<'a>) -> Self {
        Self { partition, offset: origin.offset, index: origin.index, bytes: origin.bytes }
    }
}

/// What becomes of a part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// It is a trade that is accepted.
    Accepted {
        /// The trade.
        trade: &'a RawTrade<'a>,
        /// The time step at which it counts.
        time: Time,
        /// Whether its own time step was complete.
        is_late: bool,
        /// What it may set. Without a flag its conditions exclude it.
        flags: Flags,
    },
    /// It is a trade that came before.
    Duplicate {
        /// The time step at which it is counted.
        as_of: Time,
    },
    /// It is rejected.
    Rejected {
        /// The reason.
        reason: Reason,
        /// The time step at which it is rejected.
        as_of: Time,
    },
}

/// Receiver of every decision, once for each part, in the order in which they are made. A trade far ahead of the
/// frontier is seen when the frontier has come near.
pub trait Witness {
    /// A part was decided.
    fn decided(&mut self, part: &Part<'_>, decision: Decision<'_>);
}

/// No witness.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Witness for Unwatched {
    #[inline(always)]
    fn decided(&mut self, _: &Part<'_>, _: Decision<'_>) {}
}
