//! The conditions of a Polecat.

use beadlet_store::kinds::PolecatStatus;

use super::super::View;
use crate::decide::condition::{
    self, BEAD_OPEN, CONFIGURED, KEY_CURRENT, READY, RECONCILING, STALLED, Said,
};
use crate::decide::fate::Fate;

pub(super) fn set(view: &View<'_>, status: &mut PolecatStatus, said: &Said) {
    condition::set(
        &mut status.conditions,
        said,
        view.polecat.metadata.generation,
        view.now,
    );
}

pub(super) fn under_way(
    view: &View<'_>,
    status: &mut PolecatStatus,
    is_reconciling: bool,
    reason: &'static str,
    message: String,
) {
    set(
        view,
        status,
        &Said::new(READY, false, reason, message.clone()),
    );
    set(
        view,
        status,
        &Said::new(RECONCILING, is_reconciling, reason, message.clone()),
    );
    set(view, status, &Said::new(STALLED, false, reason, message));
}

pub(super) fn at_rest(view: &View<'_>, status: &mut PolecatStatus, ready: &Said, is_stalled: bool) {
    set(view, status, ready);
    set(
        view,
        status,
        &Said {
            type_: RECONCILING,
            status: false,
            ..ready.clone()
        },
    );
    set(
        view,
        status,
        &Said {
            type_: STALLED,
            status: is_stalled,
            ..ready.clone()
        },
    );
}

pub(super) fn configured(view: &View<'_>, status: &mut PolecatStatus) {
    set(
        view,
        status,
        &Said::new(CONFIGURED, true, "Configured", "it makes a Job"),
    );
}

/// A running agent keeps the key that it was started with.
pub(super) fn key_condition(view: &View<'_>, status: &mut PolecatStatus) {
    let (Some(started_with), Some(now)) = (&status.key_hash, &view.inputs.key_hash) else {
        return;
    };
    let said = if started_with == now {
        Said::new(
            KEY_CURRENT,
            true,
            "Current",
            "it has the key that the Secret holds",
        )
    } else {
        Said::new(
            KEY_CURRENT,
            false,
            "KeyRotated",
            "the Secret holds another key now: new Jobs take it, this one goes on with the old one",
        )
    };
    set(view, status, &said);
}

pub(super) fn bead_condition(view: &View<'_>, status: &mut PolecatStatus) {
    let said = match &view.fate {
        Fate::Open => return condition::unset(&mut status.conditions, BEAD_OPEN),
        Fate::Closed => Said::new(
            BEAD_OPEN,
            false,
            "Closed",
            "the bead was closed in git: the Polecat is stopped soon",
        ),
        Fate::Reassigned { to } => Said::new(
            BEAD_OPEN,
            false,
            "Reassigned",
            format!("the bead was given to {to} in git: the Polecat is stopped soon"),
        ),
        Fate::Deleted => Said::new(
            BEAD_OPEN,
            false,
            "Deleted",
            "the bead is not in git any more: the Polecat is stopped soon",
        ),
        Fate::Unknown => Said::new(
            BEAD_OPEN,
            true,
            "StoreGone",
            "the BeadStore of the bead is gone: the Polecat goes on",
        ),
    };
    set(view, status, &said);
}

/// Nothing happens until somebody changes what `why` names.
pub(super) fn stalled(view: &View<'_>, status: &mut PolecatStatus, why: &Said) {
    for (type_, is_so) in [
        (READY, why.status),
        (STALLED, true),
        (RECONCILING, why.status),
    ] {
        let said = Said {
            type_,
            status: is_so,
            ..why.clone()
        };
        set(view, status, &said);
    }
}
