//! One object brought to what it should be, whatever was done to it meanwhile. Each write may be repeated without harm.

use beadlet_store::cluster::{
    Beads, Deleted, Fault, Identity, OwnKey, Ownership, Prior, Stored, own_keys,
};
use beadlet_store::configmap::{DesiredBead, Scope};

/// How often an object is looked at again because somebody else keeps changing it.
const LOOKS: usize = 4;

/// What became of an object that should exist.
#[derive(Debug)]
pub(crate) enum Put {
    Created(Identity, Vec<OwnKey>),
    Updated(Identity, Vec<OwnKey>),
    /// Somebody else's object has the name.
    Foreign(Identity),
    /// Ours, but on its way out: it can be made again when it is gone.
    Terminating(Identity),
}

/// What became of an object that should not exist.
#[derive(Debug)]
pub(crate) enum Removed {
    Gone,
    Terminating(Identity),
    /// Somebody else's object has the name by now.
    Foreign(Identity),
}

/// What another look at an object says.
enum Look {
    Done(Put),
    Again(Option<Prior>),
}

/// Creates `bead`, or changes the object that is `prior` into it.
///
/// # Errors
/// What the API server says; [`Fault::Conflict`] when somebody else changes the object faster than we do.
pub(crate) async fn put(
    beads: &Beads,
    scope: &Scope,
    bead: &DesiredBead,
    prior: Option<Prior>,
) -> Result<Put, Fault> {
    let desired = bead.to_configmap(scope);
    let keys = || own_keys(&desired);
    let mut prior = prior;
    for _ in 0..LOOKS {
        let answer = match &prior {
            None => beads.create(&desired).await,
            Some(prior) => beads.patch(&desired, prior).await,
        };
        match answer {
            Ok(identity) if prior.is_none() => return Ok(Put::Created(identity, keys())),
            Ok(identity) => return Ok(Put::Updated(identity, keys())),
            Err(Fault::AlreadyExists | Fault::Conflict | Fault::NotFound) => {}
            Err(fault @ Fault::Refused { .. }) if prior.is_some() => {
                make_way(beads, &bead.name, fault).await?;
            }
            Err(fault) => return Err(fault),
        }
        match look(beads.get(&bead.name).await?, bead, prior.is_none()) {
            Look::Done(put) => return Ok(put),
            Look::Again(found) => prior = found,
        }
    }
    Err(Fault::Conflict)
}

/// Deletes an object of ours whose data somebody made immutable, the only way to give it other data. It holds nothing that git does
/// not: should this stop here, the next pass creates it.
///
/// # Errors
/// `fault`, when the change was refused for another reason; else what the API server says.
async fn make_way(beads: &Beads, name: &str, fault: Fault) -> Result<(), Fault> {
    match beads.get(name).await? {
        Some(found) if found.immutable && found.ownership == Ownership::Ours => {
            remove(beads, name, found.identity).await.map(drop)
        }
        _ => Err(fault),
    }
}

/// An object that is as it should be is the work of a write whose answer was lost.
fn look(found: Option<Stored>, bead: &DesiredBead, creating: bool) -> Look {
    let Some(found) = found else {
        return Look::Again(None);
    };
    match found.ownership {
        Ownership::Foreign | Ownership::OtherStore => Look::Done(Put::Foreign(found.identity)),
        Ownership::Ours if found.terminating => Look::Done(Put::Terminating(found.identity)),
        Ownership::Ours if found.hash == bead.hash && found.owners.is_none() => {
            Look::Done(if creating {
                Put::Created(found.identity, found.keys)
            } else {
                Put::Updated(found.identity, found.keys)
            })
        }
        Ownership::Ours => Look::Again(Some(found.into_prior())),
    }
}

/// Deletes the object that is `prior`.
///
/// # Errors
/// What the API server says; [`Fault::Conflict`] when somebody else changes the object faster than we do.
pub(crate) async fn remove(beads: &Beads, name: &str, prior: Identity) -> Result<Removed, Fault> {
    let mut prior = prior;
    for _ in 0..LOOKS {
        match beads.delete(name, &prior).await {
            Ok(Deleted::Gone) => return Ok(Removed::Gone),
            Ok(Deleted::Terminating(identity)) => return Ok(Removed::Terminating(identity)),
            Err(Fault::Conflict) => {}
            Err(fault) => return Err(fault),
        }
        let Some(found) = beads.get(name).await? else {
            return Ok(Removed::Gone);
        };
        match found.ownership {
            Ownership::Foreign | Ownership::OtherStore => {
                return Ok(Removed::Foreign(found.identity));
            }
            Ownership::Ours if found.terminating => {
                return Ok(Removed::Terminating(found.identity));
            }
            Ownership::Ours => prior = found.identity,
        }
    }
    Err(Fault::Conflict)
}
