//! Whom a call is for, and what it must be signed with.

use std::path::Path;

use beadlet_sync::controller::Doors;
use beadlet_sync::git::Secret;
use beadlet_sync::triggers::{Bell, Puller, Trigger};
use uuid::Uuid;

use crate::source::{SourceError, secret_of};

/// Who may be called.
#[derive(Debug)]
pub enum Callee {
    /// The one mirror of the process, at `/webhook`.
    Mirror { secret: Secret, bell: Bell },
    /// BeadStores, each at `/webhook/<namespace>/<name>`.
    Stores { doors: Doors, unknown: Secret },
}

/// Where a call arrives.
pub(super) struct Door {
    pub(super) secret: Secret,
    /// What to ring when it is signed.
    pub(super) bell: Option<Bell>,
}

impl Callee {
    #[must_use]
    pub fn mirror(secret: Secret, puller: Puller) -> Self {
        let bell = Bell::new(move || {
            puller.pull(Trigger::Webhook);
            std::future::ready(Bell::PAUSE)
        });
        Self::Mirror { secret, bell }
    }

    /// The BeadStores that have a door.
    #[must_use]
    pub fn stores(doors: Doors) -> Self {
        let random = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        Self::Stores {
            doors,
            unknown: Secret::new(random),
        }
    }

    /// What a path leads to. A BeadStore that does not exist is like one whose secret the caller does not know, also in the time it takes:
    /// strangers do not learn what is in the cluster.
    pub(super) fn at(&self, path: &str) -> Option<Door> {
        match self {
            Self::Mirror { secret, bell } => (path == "/webhook").then(|| Door {
                secret: secret.clone(),
                bell: Some(bell.clone()),
            }),
            Self::Stores { doors, unknown } => {
                let key = key(path)?;
                Some(match doors.at(&key) {
                    Some((secret, bell)) => Door {
                        secret,
                        bell: Some(bell),
                    },
                    None => Door {
                        secret: unknown.clone(),
                        bell: None,
                    },
                })
            }
        }
    }
}

/// Namespace and name.
fn key(path: &str) -> Option<(String, String)> {
    let (namespace, name) = path.strip_prefix("/webhook/")?.split_once('/')?;
    let is_name = |text: &str| !text.is_empty() && !text.contains('/');
    (is_name(namespace) && is_name(name)).then(|| (namespace.to_owned(), name.to_owned()))
}

/// Why no call could be believed.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error(transparent)]
    Unreadable(#[from] SourceError),
    #[error(
        "no webhook could be believed without a secret; add --webhook-secret-file or BEADLET_WEBHOOK_SECRET"
    )]
    Missing,
}

/// What calls are signed with: from the file, else from the environment variable.
///
/// # Errors
/// When there is none, or the file cannot be read.
pub fn secret(file: Option<&Path>) -> Result<Secret, SecretError> {
    secret_of("--webhook-secret-file", file, "BEADLET_WEBHOOK_SECRET")?
        .filter(|secret| !secret.reveal().is_empty())
        .ok_or(SecretError::Missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_names_a_bead_store_or_nothing() {
        let named = |namespace: &str, name: &str| Some((namespace.to_owned(), name.to_owned()));
        assert_eq!(key("/webhook/town/beads"), named("town", "beads"));
        for path in [
            "/webhook",
            "/webhook/",
            "/webhook/town",
            "/webhook/town/",
            "/webhook//beads",
            "/webhook/town/beads/",
            "/webhooks/town/beads",
            "*",
            "",
        ] {
            assert_eq!(key(path), None, "{path}");
        }
    }
}
