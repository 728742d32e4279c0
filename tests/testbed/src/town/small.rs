//! The town that the demo shows: three rigs, written by hand.

mod convoys;
mod gantry;
mod ledger;
mod tidepool;

use jiff::{SignedDuration, Timestamp};

use super::bead::Bead;

/// All issues, told from `now`.
pub(super) fn beads(now: Timestamp) -> Vec<Bead> {
    let when = Calendar { now };
    [
        gantry::beads(when),
        ledger::beads(when),
        tidepool::beads(when),
        convoys::beads(when),
    ]
    .concat()
}

/// Instants told from now.
#[derive(Clone, Copy)]
struct Calendar {
    now: Timestamp,
}

impl Calendar {
    /// Saturates at the ends of time.
    fn ago(self, days: i64, minutes: i64) -> Timestamp {
        self.shifted(-(days * 24 * 60 + minutes))
    }

    fn ahead(self, days: i64) -> Timestamp {
        self.shifted(days * 24 * 60)
    }

    fn shifted(self, minutes: i64) -> Timestamp {
        self.now
            .saturating_add(SignedDuration::from_mins(minutes))
            .unwrap_or(self.now)
    }
}
