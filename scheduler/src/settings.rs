//! How the scheduler runs.

use std::time::Duration;

use crate::decide::order::Defaults;
use crate::decide::scope::Scope;

/// Everything that is chosen from outside.
#[derive(Clone, Debug)]
pub struct Settings {
    pub scope: Scope,
    pub controllers: Controllers,
    pub defaults: Defaults,
    /// `None`: this process leads without asking.
    pub election: Option<Election>,
    /// How often everything is looked at although nothing happened.
    pub resync: Duration,
}

/// Which controllers run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Controllers {
    /// Ready beads to Polecats.
    pub dispatch: bool,
    /// Polecats to Jobs. Without it, dispatch makes Polecats for gastown-operator.
    pub polecat: bool,
    /// Convoys.
    pub convoy: bool,
}

/// A Lease that one of several processes holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Election {
    pub namespace: String,
    pub lease: String,
    /// Who this process is; different for each.
    pub identity: String,
    /// How long the Lease holds without being renewed.
    pub duration: Duration,
    /// How often it is renewed, or asked for.
    pub renewal: Duration,
}

impl Election {
    /// The usual times: 15 s, renewed every 5 s.
    #[must_use]
    pub fn new(
        namespace: impl Into<String>,
        lease: impl Into<String>,
        identity: impl Into<String>,
    ) -> Self {
        Self {
            namespace: namespace.into(),
            lease: lease.into(),
            identity: identity.into(),
            duration: Duration::from_secs(15),
            renewal: Duration::from_secs(5),
        }
    }
}
