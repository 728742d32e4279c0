//! Every label, annotation and finalizer key in one place.

/// Labels of a bead's ConfigMap.
pub mod label {
    pub const STATUS: &str = "bead-status";
    pub const TYPE: &str = "bead-type";
    pub const PRIORITY: &str = "bead-priority";
    pub const READY: &str = "bead-ready";
    pub const PREFIX: &str = "bead-prefix";
    /// `bead-label/<label>: ""`.
    pub const LABEL_DOMAIN: &str = "bead-label";
    /// `bead-convoy/<convoy id>: ""`.
    pub const CONVOY_DOMAIN: &str = "bead-convoy";
    pub const STORE: &str = "gastown.gastown.io/store";
    pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
    pub const MANAGED_BY_BEADLET: &str = "beadlet";
    /// Those of which a ConfigMap has one at most, beside those of the two domains.
    pub const SINGLE: [&str; 7] = [STATUS, TYPE, PRIORITY, READY, PREFIX, STORE, MANAGED_BY];
}

/// Annotations of a bead's ConfigMap.
pub mod annotation {
    pub const BEAD_ID: &str = "gastown.gastown.io/bead-id";
    pub const CONTENT_HASH: &str = "gastown.gastown.io/content-hash";
    pub const BLOCKED_BY: &str = "gastown.gastown.io/blocked-by";
    /// The fields that were shortened to fit a ConfigMap.
    pub const SHORTENED: &str = "gastown.gastown.io/shortened-fields";
    /// Those of a bead's ConfigMap.
    pub const ON_CONFIGMAP: [&str; 4] = [BEAD_ID, CONTENT_HASH, BLOCKED_BY, SHORTENED];
    /// On a BeadStore: sync now. Any new value is a poke.
    pub const SYNC_REQUESTED: &str = "gastown.gastown.io/sync-requested-at";
    /// On a BeadStore: a webhook came, to a replica that does not mirror it. Any new value has somebody look at the branch.
    pub const PUSH_ANNOUNCED: &str = "gastown.gastown.io/push-announced-at";
    /// On a BeadStore: let the deletions of this commit through.
    pub const ALLOW_DELETE: &str = "gastown.gastown.io/allow-delete";
}

/// Keys of a bead ConfigMap's `data`.
pub mod data {
    pub const ISSUE: &str = "issue.json";
    pub const TITLE: &str = "title";
    pub const ALL: [&str; 2] = [ISSUE, TITLE];
}

/// Labels of Polecats, their Jobs and their pods.
pub mod work {
    /// The convoy that a Polecat belongs to: `convoy=<name>`.
    pub const CONVOY: &str = "convoy";
    pub const POLECAT: &str = "gastown.gastown.io/polecat";
    pub const RIG: &str = "gastown.gastown.io/rig";
    /// The bead's id, where it fits a label.
    pub const BEAD: &str = "gastown.gastown.io/bead";
    /// The attempt at the bead, from 1.
    pub const ATTEMPT: &str = "gastown.gastown.io/attempt";
    /// Kueue's LocalQueue.
    pub const QUEUE: &str = "kueue.x-k8s.io/queue-name";

    /// Annotation of a Polecat: fingerprint of its bead when it was made.
    pub const REVISION: &str = "gastown.gastown.io/bead-revision";
    /// Annotation of a Polecat: why dispatch made it.
    pub const BECAUSE: &str = "gastown.gastown.io/because";
    /// Annotation of a Polecat: the trace of its bead, as W3C Trace Context writes it. Only where somebody wants traces.
    pub const TRACEPARENT: &str = "gastown.gastown.io/traceparent";
    /// Annotation of a Polecat: a person asks for another attempt after it. Any value.
    pub const RETRY: &str = "gastown.gastown.io/retry-requested-at";
    /// Annotation of a bead's ConfigMap: the last attempt whose Polecat is gone.
    pub const LAST_ATTEMPT: &str = "gastown.gastown.io/last-attempt";
    /// Annotation of a Convoy: id of the bead in git that it was made from.
    pub const CONVOY_BEAD: &str = "gastown.gastown.io/convoy-bead";
    /// Annotation of a Job: the stretch of work, counted in pauses before it, for which it may be started.
    pub const STRETCH: &str = "gastown.gastown.io/stretch";
    /// Finalizer of a Polecat that was given a place or a Job.
    pub const FINALIZER: &str = "gastown.gastown.io/polecat";
}

/// The field manager of all our writes, and the `reportingComponent` of our events.
pub const FIELD_MANAGER: &str = "beadlet";
